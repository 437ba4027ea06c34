"""Tables that were cut short, damaged or saved in another encoding, and audio of another name."""

import warnings

import pytest

from skmer.datasets import load_deam, load_eim, load_emopia, load_emotify, load_four_q, load_mtg_jamendo, load_pmemo
from tests.datasets import test_deam as deam
from tests.datasets import test_eim as eim
from tests.datasets import test_emopia as emopia
from tests.datasets import test_emotify as emotify
from tests.datasets import test_four_q as four_q
from tests.datasets import test_mtg_jamendo as mtg
from tests.datasets import test_pmemo as pmemo

quiet = pytest.mark.filterwarnings("ignore:.*are published")


@pytest.mark.parametrize(
    ("load", "module", "told", "described"),
    [
        (load_pmemo, pmemo, r"static_annotations\.csv has 3 songs, but 767", "Loaded: 3 songs; published: 767."),
        (load_eim, eim, r"static_annotations\.csv has 3 songs, but 744", "Loaded: 3 songs; published: 744."),
        (load_deam, deam, r"1_2000\.csv has 2 songs, but 1,744 .*2058\.csv has 1 song, but 58 ", "3 songs; .* 1,802."),
        (load_four_q, four_q, r"annotations\.csv has 4 songs, but 900", "Loaded: 4 songs; published: 900."),
        (load_emopia, emopia, r"labels\.csv has 5 clips, but 1,078", "Loaded: 5 clips; published: 1,078."),
        (load_emotify, emotify, r"labels\.csv has 3 songs, but 400", "Loaded: 3 songs; published: 400."),
        (
            load_mtg_jamendo, mtg,
            r"train\.tsv has 2 tracks, but 9,949 .*validation\.tsv has 1 .*3,802 .*test\.tsv has 1 .*4,231 ",
            "Loaded: 4 tracks; published: 9,949/3,802/4,231 in split-0.",
        ),
    ],
)  # fmt: skip
def test_other_numbers_than_published_are_told_once(tmp_path, load, module, told, described):
    with pytest.warns(UserWarning, match=rf"{told}.*are published: it may be cut short\.") as caught:
        songs = load(module.write(tmp_path))
    assert len(caught) == 1
    assert caught[0].filename == __file__
    last = songs.DESCR.splitlines()[-1]
    assert last == described or last.endswith(described.replace("3 songs; .*", "3 songs; published:"))


def test_a_last_line_without_an_end(tmp_path):
    path = pmemo.write(tmp_path) / "annotations" / "static_annotations.csv"
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    with pytest.warns(UserWarning, match="767 are published, and its last line has no newline at its end: it may be"):
        load_pmemo(tmp_path)


def test_the_published_number_is_not_told(tmp_path, monkeypatch):
    monkeypatch.setattr("skmer.datasets.pmemo.N_PUBLISHED", 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_pmemo(pmemo.write(tmp_path)).DESCR.endswith("Loaded: 3 songs; published: 3.")
    monkeypatch.setattr("skmer.datasets.pmemo.N_PUBLISHED", 2)
    with pytest.warns(UserWarning, match="2 are published: it may be of another edition"):
        load_pmemo(tmp_path)


@quiet
def test_emotions_are_counted_after_their_choice(tmp_path):
    songs = load_emotify(emotify.write(tmp_path), emotions=["tension"])
    assert songs.DESCR.endswith("Loaded: 1 song; published: 400.")


@quiet
@pytest.mark.parametrize(("encoding", "told"), [("utf-16", "UTF-16"), ("utf-32", "UTF-32")])
def test_other_encodings_are_named(tmp_path, encoding, told):
    path = four_q.write(tmp_path) / four_q.METADATA
    path.write_bytes(path.read_bytes().decode("cp1252").encode(encoding))
    with pytest.raises(ValueError, match=rf"{four_q.METADATA} is text in {told}: save it again as UTF-8"):
        load_four_q(tmp_path)


@quiet
@pytest.mark.parametrize("character", ["\0", "\x1a", "\x7f"])
def test_control_characters_are_named_with_their_line(tmp_path, character):
    lines = [pmemo.RATINGS[0], pmemo.RATINGS[1], f"2,0.{character}2,0.75", pmemo.RATINGS[3]]
    with pytest.raises(ValueError, match=r"static_annotations\.csv, line 3: there is a control character"):
        load_pmemo(pmemo.write(tmp_path, ratings=lines))
    (tmp_path / "mtg").mkdir()
    tables = mtg.changed("test", mtg.track(1100, 4, "sad").replace("album", f"al{character}bum"))
    with pytest.raises(ValueError, match=r"test\.tsv, line 2: there is a control character"):
        load_mtg_jamendo(mtg.write(tmp_path / "mtg", tables))


@quiet
@pytest.mark.parametrize("number", ["1_0", "٣", "1e1", "3.0"])
def test_numbers_are_digits(tmp_path, number):
    lines = [*pmemo.RATINGS[:3], f"{number},0.4,0.25"]
    with pytest.raises(ValueError, match="line 4: musicId must be a whole number, got"):
        load_pmemo(pmemo.write(tmp_path, ratings=lines))


@quiet
@pytest.mark.parametrize("name", ["2.MP3", "2.wav", "2.Flac"])
def test_audio_of_another_ending_stands_beside(tmp_path, name):
    (pmemo.write(tmp_path) / "chorus" / "2.mp3").rename(tmp_path / "chorus" / name)
    message = rf"1 of the songs in .*static_annotations\.csv has no audio file: .*2\.mp3\. Beside stands .*{name}, of "
    with pytest.raises(FileNotFoundError, match=message):
        load_pmemo(tmp_path)


@quiet
def test_audio_without_a_row_has_two_explanations(tmp_path):
    with pytest.raises(ValueError, match=r"2 files beside the audio have no row .*lacks rows.*move it away"):
        load_pmemo(pmemo.write(tmp_path, audio=(2, 3, 10, 98, 99)))


@quiet
@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("file", "/x.opus", "file must be a path within the folder of labels.csv, got '/x.opus'"),
        ("file", "audio/../../x.opus", "file must be a path within"),
        ("file", "C:x.opus", "file must be a path within"),
        ("file", "", "the file is missing"),
        ("dominant_tied", "yes", "dominant_tied must be 0 or 1, got 'yes'"),
        ("dominant_tied", "7", "dominant_tied must be 0 or 1, got '7'"),
        ("tension", "60", "tension must lie between 0 and 1, got '60'"),
    ],
)
def test_cells_of_emotify_are_named_with_their_line(tmp_path, column, value, message):
    with pytest.raises(ValueError, match=rf"labels\.csv, line 3: {message}"):
        load_emotify(emotify.write(tmp_path, emotify.changed(1, column, value)))


@quiet
def test_tags_tracks_and_artists_of_mtg_jamendo(tmp_path):
    message = r"test\.tsv, line 2: 'mood/theme---sadd' is none of the 56 tags"
    with pytest.raises(ValueError, match=message):
        load_mtg_jamendo(mtg.write(tmp_path, mtg.changed("test", mtg.track(1100, 4, "sadd"))))
    line = mtg.track(1100, 4, "sad").replace("00/1100", "01/1100")
    with pytest.raises(ValueError, match=r"line 2: PATH of track_0001100 must be 00/1100\.mp3, got '01/1100\.mp3'"):
        load_mtg_jamendo(mtg.write(tmp_path, mtg.changed("test", line)))
    message = r"test\.tsv, line 3: ARTIST_ID 'artist_000002' stands in .*train\.tsv already; each artist"
    with pytest.raises(ValueError, match=message):
        load_mtg_jamendo(mtg.write(tmp_path, mtg.changed("test", mtg.track(8, 9, "sad"), mtg.track(9, 2, "sad"))))


@quiet
def test_lines_that_end_with_a_carriage_return(tmp_path):
    for part in mtg.PARTS:
        path = mtg.write(tmp_path) / "data" / "splits" / "split-0" / f"autotagging_moodtheme-{part}.tsv"
        path.write_bytes(path.read_bytes().replace(b"\r\n", b"\r"))
    assert len(load_mtg_jamendo(tmp_path).data) == 4


@quiet
def test_a_threshold_at_the_ends_of_the_scale(tmp_path):
    songs = load_eim(eim.write(tmp_path, ratings=[*eim.ORIGINAL[:3], "10,8.1,1.4,9,1.5"]), "valence", threshold=9)
    assert songs.target.tolist() == ["low", "low", "high"]
    for threshold in (1, 9.001):
        with pytest.raises(ValueError, match=r"from 1 down all songs would be high, and above 9 all low"):
            load_eim(tmp_path, threshold=threshold)
