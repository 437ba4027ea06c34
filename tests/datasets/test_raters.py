"""load_csv of tables of several raters: majorities, ties, means, and ratings over time, by hand."""

import numpy as np
import pytest

from skmer.datasets import load_csv


def write(folder, text, name="table.csv"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def load(path, **options):
    return load_csv(path, check_audio=False, **options)


def names(paths):
    return [path.rpartition("/")[2] for path in paths]


LABELS = """path,label,decision,rater,when
a.mp3,calm,labelled,Ann,2026-01-01T00:00:00Z
b.mp3,calm,labelled,Ann,
c.mp3,,unsure,Ann,
d.mp3,,skipped,Ann,
a.mp3,tense,labelled,Bob,
b.mp3,tense,labelled,Bob,
c.mp3,tense,labelled,Bob,
d.mp3,,unsure,Bob,
a.mp3,calm,labelled,Cleo,
"""


def test_the_label_is_that_of_most_raters(tmp_path):
    songs = load(write(tmp_path, LABELS))
    # a: calm twice of three; b: a tie; c: one unsure, one tense; d: nobody
    assert names(songs.data) == ["a.mp3", "c.mp3"]
    assert songs.target.tolist() == ["calm", "tense"]
    assert songs.target_names == ["calm", "tense"]
    assert names(songs.undecided) == ["b.mp3", "d.mp3"]
    assert songs.remarks == [
        "The label of a song is the one that most of 3 people (Ann, Bob, Cleo) chose.",
        "2 unsure and 1 skipped are not taken as an answer.",
        "1 song is left out, because as many people chose another label: b.mp3.",
        "1 song is left out, because nobody has chosen a label: d.mp3.",
    ]
    for remark in songs.remarks:
        assert remark in songs.DESCR
    assert "2 songs of 2 classes" in songs.DESCR
    assert "not read: 'when'." in songs.DESCR


def test_a_table_for_each_rater(tmp_path):
    header, *lines = LABELS.splitlines()
    files = [
        write(tmp_path, "\n".join([header, *(line for line in lines if f",{rater}," in line)]), f"{rater}.csv")
        for rater in ("Ann", "Bob", "Cleo")
    ]
    together, apart = load(tmp_path / write(tmp_path, LABELS)), load(files)
    assert together.data == apart.data
    assert together.target.tolist() == apart.target.tolist()
    assert together.remarks == apart.remarks
    assert "Ann.csv and" in apart.DESCR


def test_one_rater_is_told_only_what_is_missing(tmp_path):
    songs = load(
        write(tmp_path, "path,label,decision,rater\na.mp3,calm,,Ann\nb.mp3,sad,labelled,Ann\nc.mp3,,unsure,Ann\n")
    )
    assert songs.target.tolist() == ["calm", "sad"]
    assert songs.remarks == [
        "1 unsure is not taken as an answer.",
        "1 song is left out, because nobody has chosen a label: c.mp3.",
    ]


def test_labels_that_nobody_has_decided_on_count_only_alone(tmp_path):
    header = "path,label,old_label,decision,rater\n"
    ann = write(
        tmp_path, f"{header}a.mp3,sad,calm,changed,Ann\nb.mp3,calm,calm,,\nc.mp3,sad,sad,unsure,Ann\n", "ann.csv"
    )
    bob = write(tmp_path, f"{header}a.mp3,calm,calm,,\nb.mp3,calm,calm,,\nc.mp3,calm,sad,changed,Bob\n", "bob.csv")
    songs = load([ann, bob])
    assert songs.target.tolist() == ["sad", "calm", "calm"]
    alone = load(ann)
    assert alone.target.tolist() == ["sad", "calm", "sad"]
    assert alone.remarks == ["1 song is used with a label of which the rater was unsure: c.mp3."]


def test_answers_without_a_name_are_not_dropped_silently(tmp_path):
    ann = write(tmp_path, "path,label,decision,rater\na.mp3,sad,kept,Ann\nb.mp3,calm,,\n", "ann.csv")
    other = write(tmp_path, "path,label,decision,rater\na.mp3,calm,changed,\n", "other.csv")
    songs = load([ann, other])
    assert songs.target.tolist() == ["sad", "calm"]
    assert songs.remarks == ["1 song is used without the answers of a rater who gave no name: a.mp3."]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.mp3,calm,,Ann\na.mp3,sad,,Ann\nb.mp3,sad,,Ann\n", r"line 3: Ann has labelled a\.mp3 already \(.*line 2\)"),
        (
            "a.mp3,calm,,\na.mp3,calm,,\nb.mp3,sad,,Ann\n",
            r"line 3: a\.mp3 is the same song as in .*line 2: list each .* rater",
        ),
        ("a.mp3,,,Ann\nb.mp3,sad,,Ann\n", "line 2: label is missing; each song needs one"),
        ("a.mp3,,labelled,Ann\nb.mp3,sad,,Ann\n", "line 2: label is missing"),
        ("a.mp3,calm,,Ann\nb.mp3,Calm,,Bob\n", "line 3: the label 'Calm' differs from 'calm'"),
        ("a.mp3,calm,,Ann\na.mp3,sad,,Bob\n", "table.csv has no label that most raters chose; at least two classes"),
        ("a.mp3,calm,,Ann\na.mp3,calm,,Bob\n", "has 1 class, 'calm'; at least two are needed"),
    ],
)
def test_what_is_wrong_with_labels(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        load(write(tmp_path, "path,label,decision,rater\n" + text))


def test_what_is_wrong_with_several_tables(tmp_path):
    one = write(tmp_path, "path,label,rater\na.mp3,calm,Ann\nb.mp3,sad,Ann\n", "one.csv")
    two = write(tmp_path, "path,label\na.mp3,calm\n", "two.csv")
    with pytest.raises(ValueError, match=r"two\.csv and .*one\.csv differ in the columns \['rater'\]"):
        load([one, two])
    with pytest.raises(ValueError, match="different tables"):
        load([one, one])
    against = write(tmp_path, "path,label,rater\na.mp3,sad,Bob\nb.mp3,calm,Bob\n", "against.csv")
    with pytest.raises(ValueError, match=r"one\.csv and .*against\.csv have no label that most raters chose"):
        load([one, against])
    with pytest.raises(ValueError, match="got none"):
        load([])
    (tmp_path / "below").mkdir()
    there = write(tmp_path / "below", "path,label,rater\na.mp3,calm,Bob\n")
    with pytest.raises(ValueError, match="in different folders: pass data_home"):
        load([one, there])
    assert load([one, there], data_home=tmp_path).target.tolist() == ["calm", "sad"]
    grouped = write(tmp_path, "path,label,rater,group\na.mp3,calm,Ann,x\na.mp3,calm,Bob,y\n", "grouped.csv")
    with pytest.raises(ValueError, match=r"line 3: the song is of the group 'y' here, but of 'x' in .*line 2"):
        load(grouped)


RATINGS = """path,time,valence,arousal,rater
a.mp3,0.5,0.1,,Ann
a.mp3,1.0,0.3,0.5,Ann
a.mp3,1.5,0.5,0.7,Ann
a.mp3,0.5,1,0,Bob
b.mp3,0.5,-1,,Ann
b.mp3,1.0,-0.5,,Bob
c.mp3,2.5,0,0.2,Bob
"""


def test_ratings_are_means_over_time_and_then_over_raters(tmp_path):
    songs = load(write(tmp_path, RATINGS), targets=["valence", "arousal"])
    # a: Ann .3 and .6, Bob 1 and 0; b has no arousal
    assert names(songs.data) == ["a.mp3", "c.mp3"]
    assert songs.target == pytest.approx(np.array([[0.65, 0.3], [0, 0.2]]))
    assert names(songs.unrated) == ["b.mp3"]
    assert songs.remarks == [
        "The ratings of a song are means over time, and then over 2 people (Ann, Bob).",
        "1 song is left out, because nobody has rated all targets: b.mp3.",
    ]
    one = load(write(tmp_path, RATINGS), targets="valence")
    assert one.target[:, 0] == pytest.approx([0.65, -0.75, 0])
    assert one.unrated == []


def test_ratings_of_raters_without_time(tmp_path):
    songs = load(write(tmp_path, "path,rater,v\na.mp3,x,1\na.mp3,y,2\na.mp3,z,\nb.mp3,x,5\n"), targets="v")
    assert songs.target.tolist() == [[1.5], [5]]
    assert songs.remarks == ["The ratings of a song are means over 3 people (x, y, z)."]
    alone = load(write(tmp_path, "path,time,v\na.mp3,1,1\na.mp3,2,4\nb.mp3,1,5\n"), targets="v")
    assert alone.target.tolist() == [[2.5], [5]]
    assert alone.remarks == ["The ratings of a song are means over time."]


def test_ratings_over_time(tmp_path):
    songs = load(write(tmp_path, RATINGS), targets=["valence", "arousal"], dynamic=True)
    first, last = songs.dynamic
    nan = np.nan
    assert first.starts.tolist() == [0, 0.5, 1]
    assert first.ends.tolist() == [0.5, 1, 1.5]
    np.testing.assert_allclose(first.mean, [[0.55, 0], [0.3, 0.5], [0.5, 0.7]])
    assert first.n_listeners == 2
    ann, bob = [[0.1, nan], [0.3, 0.5], [0.5, 0.7]], [[1, 0], [nan, nan], [nan, nan]]
    np.testing.assert_array_equal(first.listeners, [ann, bob])
    # of .1 and 1 by two people, .9 / sqrt(2)
    np.testing.assert_allclose(first.deviation, [[0.9 / np.sqrt(2), nan], [nan, nan], [nan, nan]])
    assert (last.starts.tolist(), last.ends.tolist(), last.n_listeners) == ([2], [2.5], 1)
    assert np.isnan(last.deviation).all()
    # the first second: half a second of (.55, 0) and one of (.3, .5)
    np.testing.assert_allclose(first.over([0], [1]).mean, [[0.425, 0.25]])


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "a.mp3,0.5,1,2,Ann\na.mp3,0.50,1,2,Ann\n",
            {},
            r"line 3: Ann has rated a\.mp3 at this time already \(.*line 2\)",
        ),
        ("a.mp3,0.5,1,2,\na.mp3,0.5,1,2,\n", {}, r"line 3: there is a rating of a\.mp3 at this time already"),
        ("a.mp3,x,1,2,Ann\na.mp3,0.5,1,2,Ann\n", {}, "line 2: time must be a number, got 'x'"),
        ("a.mp3,x,1,2,Ann\n", {"dynamic": True}, "line 2: time must be a number, got 'x'"),
        ("a.mp3,1,1,,Ann\n", {}, "holds no numbers"),
        ("a.mp3,1,1,,Ann\nb.mp3,1,,1,Ann\n", {}, r"table\.csv has no song with ratings of valence, arousal"),
    ],
)
def test_what_is_wrong_with_ratings(tmp_path, text, options, message):
    path = write(tmp_path, "path,time,valence,arousal,rater\n" + text)
    with pytest.raises(ValueError, match=message):
        load(path, targets=["valence", "arousal"], **options)


def test_ratings_over_time_need_a_time(tmp_path):
    path = write(tmp_path, "path,v,rater\na.mp3,1,Ann\na.mp3,2,Ann\n")
    with pytest.raises(ValueError, match=r"line 3: Ann has rated a\.mp3 already"):
        load(path, targets="v")
    with pytest.raises(ValueError, match="dynamic=True is for ratings over time"):
        load(path, targets="v", dynamic=True)
    with pytest.raises(ValueError, match="dynamic=True is for ratings over time"):
        load(write(tmp_path, LABELS), dynamic=True)


def test_a_column_of_another_time_is_no_fault(tmp_path):
    # one row a song: what is in the column does not matter
    songs = load(write(tmp_path, "path,time,v\na.mp3,morning,1\nb.mp3,night,2\n"), targets="v")
    assert songs.target.tolist() == [[1], [2]]
    assert songs.remarks == []
