"""Ratings over time and deviations of PMEmo, EiM and DEAM, on tiny files in the published layouts."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from skmer.datasets import load_deam, load_eim, load_pmemo, segment_ratings
from tests.datasets import test_deam as deam
from tests.datasets import test_eim as eim
from tests.datasets import test_pmemo as pmemo

# the tiny tables do not hold the published number of songs
pytestmark = pytest.mark.filterwarnings("ignore:.*are published", "ignore:.*segments have no ratings")

LOADERS = {"pmemo": load_pmemo, "eim": load_eim, "deam": load_deam}
AVERAGED = "annotations/annotations averaged per song/dynamic (per second annotations)"
PER_RATER = "annotations/annotations per each rater"

PMEMO = {
    "dynamic_annotations.csv": """musicId,frameTime,Arousal(mean),Valence(mean)
2,15.5,0.1,0.5
2,16.0,0.2,0.6
2,16.5,0.3,0.7
3,15.5,0.9,0.8
3,16.0,0.8,
3,16.5,0.7,0.6
7,15.5,0.5,0.5
10,15.5,1.0000000000000002,0
""",
    "dynamic_annotations_std.csv": """musicId,frameTime,Arousal(std),Valence(std)
2,15.5,0.01,0.02
2,16.0,0.03,0.04
2,16.5,0.05,0.06
3,15.5,0.07,0.08
3,16.5,0.09,0.1
10,15.5,nan,0.2
""",
    "static_annotations_std.csv": "musicId,Arousal(std),Valence(std)\n7,1,1\n10,0.3,0.03\n3,0.2,0.02\n2,0.1,0.01\n",
}
WIDE = {
    "valence": """song_id,sample_15000ms,sample_15500ms,sample_16000ms
2,-1,-0.5,0
3,0.5,,0.7
10,0.1,0.2,0.3
11,0,0,0
""",
    "arousal": """song_id,sample_15000ms,sample_15500ms,sample_16000ms
2,1,0.5,0
3,-0.5,-0.6,-0.7
10,-0.1,,
11,0,0,0
""",
}


def write_pmemo(folder, without=(), **changed):
    pmemo.write(folder)
    for name, text in PMEMO.items():
        if name not in without:
            old, new = changed.get(name.removesuffix(".csv"), ("", ""))
            assert old in text
            (folder / "annotations" / name).write_text(text.replace(old, new, 1))
    return folder


def write_eim(folder, deviations=True, **changed):
    eim.write(folder)
    for dimension, text in WIDE.items():
        old, new = changed.get(dimension, ("", ""))
        assert old in text
        (folder / "annotations" / f"{dimension}_cont_average.csv").write_text(text.replace(old, new, 1))
        if deviations:
            text = text.replace("-", "")
            (folder / "annotations" / f"{dimension}_cont_std.csv").write_text(text)
    return folder


def write_deam(folder, averaged=WIDE, raters=None):
    deam.write(folder)
    for dimension, text in averaged.items():
        (folder / AVERAGED).mkdir(parents=True, exist_ok=True)
        (folder / AVERAGED / f"{dimension}.csv").write_text(text.replace("11,", "2001,").replace("3,", "4,"))
        for song, rows in (raters or {}).items():
            own = folder / PER_RATER / "dynamic (per second annotations)" / dimension
            own.mkdir(parents=True, exist_ok=True)
            (own / f"{song}.csv").write_text("\n".join(rows) + "\n")
    return folder


WRITERS = {"pmemo": write_pmemo, "eim": write_eim, "deam": write_deam}


def test_pmemo(tmp_path):
    songs = load_pmemo(write_pmemo(tmp_path), dynamic=True)
    first, second, last = songs.dynamic
    assert songs.song_id.tolist() == [2, 3, 10]
    # the rating with the time 15.5 is that of the seconds 15 to 15.5
    assert first.starts.tolist() == [15, 15.5, 16]
    assert first.ends.tolist() == [15.5, 16, 16.5]
    assert first.mean.tolist() == [[0.5, 0.1], [0.6, 0.2], [0.7, 0.3]]
    assert first.deviation.tolist() == [[0.02, 0.01], [0.04, 0.03], [0.06, 0.05]]
    assert first.n_listeners is first.listeners is None
    # where one dimension has no rating is a gap
    assert second.starts.tolist() == [15, 16]
    assert second.mean.tolist() == [[0.8, 0.9], [0.6, 0.7]]
    assert second.deviation.tolist() == [[0.08, 0.07], [0.1, 0.09]]
    # a mean of ones may be above 1 by rounding, and one listener has no deviation
    assert last.mean.tolist() == [[0, 1]]
    np.testing.assert_array_equal(last.deviation, [[0.2, np.nan]])
    assert songs.valence_std.tolist() == [0.01, 0.02, 0.03]
    assert songs.arousal_std.tolist() == [0.1, 0.2, 0.3]


def test_eim(tmp_path):
    songs = load_eim(write_eim(tmp_path), dynamic=True)
    first, second, last = songs.dynamic
    assert first.starts.tolist() == [14.5, 15, 15.5]
    assert first.mean.tolist() == [[-1, 1], [-0.5, 0.5], [0, 0]]
    assert first.deviation.tolist() == [[1, 1], [0.5, 0.5], [0, 0]]
    assert second.ends.tolist() == [15, 16]
    assert second.mean.tolist() == [[0.5, -0.5], [0.7, -0.7]]
    assert last.ends.tolist() == [15]
    assert songs.valence_std.tolist() == [0.7, 1.7, 1.5]
    assert songs.arousal_std.tolist() == [0.9, 1.8, 1.4]


RATERS = ["WorkerId,sample_15000ms,sample_15500ms,sample_16000ms", "a,0,0.1,0.2", "b,1,0.3,", "c,0.5,nan,"]


def test_deam_computes_deviations_from_the_raters(tmp_path):
    # files of the first songs have no WorkerId
    alone = [RATERS[0].partition(",")[2], "0,0.5,1"]
    songs = load_deam(write_deam(tmp_path, raters={2: RATERS, 10: alone, 2001: alone}), dynamic=True)
    first, second, last = songs.dynamic
    assert songs.song_id.tolist() == [2, 10, 2001]
    # the means are the published ones
    assert first.mean.tolist() == [[-1, 1], [-0.5, 0.5], [0, 0]]
    # 0, 1 and 0.5; 0.1 and 0.3; 0.2 alone
    np.testing.assert_allclose(first.deviation, [[0.5, 0.5], [0.02**0.5, 0.02**0.5], [np.nan, np.nan]])
    assert [ratings.n_listeners for ratings in songs.dynamic] == [3, 1, 1]
    assert np.isnan(second.deviation).all()
    assert last.ends.tolist() == [15, 15.5, 16]
    [y] = segment_ratings([first], [2], (0.5, 15), min_coverage=0.9, delay=-0.5)
    np.testing.assert_array_equal(y, [[np.nan, np.nan], [-1, 1]])


def test_the_smaller_number_of_raters_counts(tmp_path):
    write_deam(tmp_path, raters=dict.fromkeys((2, 10, 2001), RATERS))
    path = tmp_path / PER_RATER / "dynamic (per second annotations)" / "arousal" / "2.csv"
    path.write_text("\n".join([*RATERS[:3], ",,,"]) + "\n")
    assert [ratings.n_listeners for ratings in load_deam(tmp_path, dynamic=True).dynamic] == [2, 3, 3]
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"No such file: .*arousal/2\.csv"):
        load_deam(tmp_path, dynamic=True)


def test_deam_counts_the_raters_of_whole_songs(tmp_path):
    deam.write(tmp_path)
    assert load_deam(tmp_path).n_raters is None
    folder = tmp_path / PER_RATER / "song_level"
    folder.mkdir(parents=True)
    first = ["workerID, SongId, Valence, Arousal", "a,2,5,3", "b,2,5,4", "a,10,7,8"]
    (folder / "static_annotations_songs_1_2000.csv").write_text("\n".join(first) + "\n")
    assert load_deam(tmp_path).n_raters.tolist() == [2, 1, 0]
    second = ["SongId, WorkerId, Arousal_Average, Valence_Average", "2001,a,5,5", "2001,b,5,5", "2001,c,5,5"]
    (folder / "static_annotations_songs_2000_2058.csv").write_text("\n".join(second) + "\n")
    songs = load_deam(tmp_path)
    assert songs.n_raters.tolist() == [2, 1, 3]
    assert songs.valence_std.tolist() == songs.arousal_std.tolist() == [1, 1, 1]


def test_deviations_are_read_where_they_are(tmp_path):
    songs = load_pmemo(write_pmemo(tmp_path / "a", without=[name for name in PMEMO if "std" in name]), dynamic=True)
    assert songs.valence_std is songs.arousal_std is songs.dynamic[0].deviation is None
    assert load_eim(write_eim(tmp_path / "b", deviations=False), dynamic=True).dynamic[0].deviation is None
    (tmp_path / "b" / "annotations" / "valence_cont_std.csv").write_text(WIDE["arousal"].replace("-", ""))
    with pytest.raises(FileNotFoundError, match=r"arousal_cont_std\.csv"):
        load_eim(tmp_path / "b", dynamic=True)
    songs = load_eim(
        eim.write(tmp_path / "c", ratings=["song_id,mean_arousal,mean_valence", "2,5,5", "3,5,5", "10,5,5"])
    )
    assert songs.valence_std is songs.arousal_std is None
    songs = load_deam(write_deam(tmp_path / "d"), dynamic=True)
    assert songs.dynamic[0].deviation is songs.dynamic[0].n_listeners is None
    deam.write(tmp_path / "e", second=["song_id,valence_mean,arousal_mean,arousal_std", "2001,5,5,2"])
    songs = load_deam(tmp_path / "e")
    assert (songs.valence_std, songs.arousal_std.tolist()) == (None, [1, 1, 2])


@pytest.mark.parametrize("name", LOADERS)
def test_ratings_over_time_are_read_only_when_asked_for(tmp_path, name):
    home = {"pmemo": pmemo, "eim": eim, "deam": deam}[name].write(tmp_path)
    assert "dynamic" not in LOADERS[name](home)
    with pytest.raises(FileNotFoundError, match="No such file"):
        LOADERS[name](home, dynamic=True)
    with pytest.raises(TypeError, match="dynamic must be True or False"):
        LOADERS[name](home, dynamic=1)


@pytest.mark.parametrize(
    ("name", "changed"),
    [("pmemo", {"dynamic_annotations": ("10,15.5,1.0000000000000002,0\n", "")}), ("eim", {"valence": ("10,", "12,")})],
)
def test_a_song_without_ratings_over_time(tmp_path, name, changed):
    with pytest.warns(
        UserWarning, match="1 of the 3 songs in .* have no ratings over time in .*, at position 2"
    ) as caught:
        songs = LOADERS[name](WRITERS[name](tmp_path, **changed), dynamic=True)
    assert [warning.filename for warning in caught] == [__file__] * len(caught)
    empty = songs.dynamic[2]
    assert (empty.starts.shape, empty.mean.shape, empty.deviation.shape) == ((0,), (0, 2), (0, 2))
    with pytest.warns(UserWarning, match="1 song has none at all, at position 2"):
        y = segment_ratings(songs.dynamic, [15, 15, 15], (3, 1), min_coverage=0)
    assert np.isnan(y[2]).all()
    assert not np.isnan(y[0][14]).any()


@pytest.mark.parametrize(
    ("text", "starts", "ends"),
    [
        # one a second, in any order of columns, and with cells left out at the end of a row
        ("song_id,sample_17000ms,sample_16000ms,other,sample_15000ms\n2,0,0,x,0\n3,0\n10,,0,,0\n",
         [[14, 15, 16], [16], [14, 15]], [[15, 16, 17], [17], [15, 16]]),
        # one time in each song: half a second, as published
        ("song_id,sample_15000ms\n2,0\n3,0\n10,0\n", [[14.5]] * 3, [[15]] * 3),
        # a time between the others
        ("song_id,sample_15000ms,sample_15250ms,sample_15750ms,sample_16250ms\n2,0,0,0,0\n3,,,0,0\n10,0,NA,,\n",
         [[14.5, 15, 15.25, 15.75], [15.25, 15.75], [14.5]], [[15, 15.25, 15.75, 16.25], [15.75, 16.25], [15]]),
    ],
)  # fmt: skip
def test_other_rates_gaps_and_rows_of_any_length(tmp_path, text, starts, ends):
    write_eim(tmp_path, deviations=False)
    for dimension in WIDE:
        (tmp_path / "annotations" / f"{dimension}_cont_average.csv").write_text(text)
    dynamic = load_eim(tmp_path, dynamic=True).dynamic
    assert [ratings.starts.tolist() for ratings in dynamic] == starts
    assert [ratings.ends.tolist() for ratings in dynamic] == ends


def test_ratings_beyond_the_audio_touch_no_segment(tmp_path):
    [first, *_] = load_eim(write_eim(tmp_path, deviations=False), dynamic=True).dynamic
    # a song of 15.6 s: 26 segments of 0.5 s, the last one from 15 to 15.5
    [y] = segment_ratings([first], [26], (0.5, 0.6))
    np.testing.assert_allclose(y[-1], [-0.5, 0.5])


@pytest.mark.parametrize(
    ("name", "changed", "message"),
    [
        (
            "pmemo",
            {"dynamic_annotations": ("0.3,0.7", "0.3,1.7")},
            r"line 4: Valence\(mean\) must lie between 0 and 1, got",
        ),
        (
            "pmemo",
            {"dynamic_annotations": ("2,16.5", "2,16.0")},
            r"line 4: musicId 2 has two rows at frameTime 16: get",
        ),
        ("pmemo", {"dynamic_annotations_std": ("0.06", "-0.06")}, r"line 4: Valence\(std\) must lie between 0 and inf"),
        ("pmemo", {"static_annotations_std": ("3,0.2", "4,0.2")}, r"line 4: musicId 3 has no row in .*_std\.csv"),
        ("eim", {"valence": ("-0.5", "loud")}, r"average\.csv, line 2: sample_15500ms must be a number, got 'loud'"),
        ("eim", {"arousal": ("3,", "2,")}, r"line 3: song_id 2 is in more than one row"),
        (
            "eim",
            {"arousal": ("song_id", "song")},
            r"average\.csv has no column song_id; its header begins with \['song'",
        ),
        (
            "eim",
            {"arousal": ("sample_15000ms,sample_15500ms,sample_16000ms", "a,b,c")},
            r"average\.csv has no column such as sample_15000ms",
        ),
    ],
)
def test_bad_cells_are_named(tmp_path, name, changed, message):
    with pytest.raises(ValueError, match=message):
        LOADERS[name](WRITERS[name](tmp_path, **changed), dynamic=True)


@pytest.mark.parametrize("exchanged", [False, True])
def test_files_that_exchange_the_dimensions(tmp_path, exchanged):
    rng = np.random.default_rng(0)
    ratings = rng.uniform(1, 9, size=(40, 2))
    rows = [f"{i},{valence},1,{arousal},1" for i, (valence, arousal) in enumerate(ratings, 1)]
    deam.write(tmp_path, first=[deam.FIRST[0], *rows[:39]], second=[deam.FIRST[0], rows[39]], audio=())
    (tmp_path / AVERAGED).mkdir()
    for k, dimension in enumerate(["valence", "arousal"]):
        curve = (ratings[:, 1 - k if exchanged else k] - 5) / 4
        text = "song_id,sample_15000ms\n" + "".join(f"{i},{value}\n" for i, value in enumerate(curve, 1))
        (tmp_path / AVERAGED / f"{dimension}.csv").write_text(text)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        songs = load_deam(tmp_path, check_audio=False, dynamic=True)
    found = [str(warning.message) for warning in caught if "the reverse" in str(warning.message)]
    assert len(found) == exchanged
    assert all("over 40 songs" in text and "of 1.00 with `arousal`" in text for text in found)
    # nothing is exchanged by skmer
    np.testing.assert_allclose(songs.dynamic[0].mean[0], (ratings[0, :: -1 if exchanged else 1] - 5) / 4)


@pytest.mark.data
def test_the_real_deviations():
    home = Path(os.environ.get("SKMER_DATA", "")) / "metadata"
    if not os.environ.get("SKMER_DATA") or not home.is_dir():
        pytest.skip("the annotations of EiM and DEAM are not under $SKMER_DATA/metadata")
    first, more = (load(home / name, check_audio=False) for load, name in ((load_eim, "emoMusic"), (load_deam, "DEAM")))
    # n (n - 1) s² is a whole number for ten whole ratings, if s² was divided by n - 1
    squares = 90 * np.concatenate([first.valence_std, first.arousal_std]) ** 2
    assert (np.abs(squares - squares.round()) < 0.05).mean() > 0.95
    # the same songs, with the dimensions exchanged, in files that divide by n
    shared = np.isin(more.song_id, first.song_id)
    assert np.median(more.valence_std[shared] / first.arousal_std) == pytest.approx(0.9**0.5, abs=1e-3)
    assert np.median(more.arousal_std[shared] / first.valence_std) == pytest.approx(0.9**0.5, abs=1e-3)
