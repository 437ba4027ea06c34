"""skmer agreement: the three forms of tables, what is detected and ignored, the files written, and errors."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest

from skmer.cli import main
from skmer.metrics import attainable_accuracy, attainable_scores, krippendorff_alpha

RATINGS = """song,rater,valence,arousal,mood,title,comment
a,r1,1,5,calm,One,x1
a,r2,2,5,calm,One,x2
b,r1,3,,tense,Two,x3
b,r3,5,1,calm,Two,x4
c,r2,7,2,tense,Three,x5
c,r3,7,4,tense,Three,x6
c,r1,8,3,tense,Three,x7
"""
VALENCE = [[1, 3, 7], [2, 5, 7], [None, None, 8]]


@pytest.fixture(autouse=True)
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys):
    """Write a table and run the command on it; return the rows of its JSON file by target, and what it printed."""

    def run(text, *options, name="table.csv"):
        Path(name).write_text(text, encoding="utf-8")
        assert main(["agreement", name, *options, "--out", "out.json", "--force"]) == 0
        out, err = capsys.readouterr()
        found = json.loads(Path("out.json").read_text(encoding="utf-8"))
        return {row["target"]: row for row in found["targets"]}, out, err

    return run


@pytest.fixture
def fail(capsys):
    """Run the command on a table that is wrong, and return the message."""

    def fail(text, *options):
        Path("table.csv").write_text(text, encoding="utf-8")
        assert main(["agreement", "table.csv", *options]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("skmer agreement: ")
        assert err.count("\n") == 1
        return err

    return fail


def test_single_ratings(run):
    rows, out, err = run(RATINGS)
    valence = rows["valence"]
    assert list(rows) == ["valence", "arousal", "mood"]
    assert (valence["level"], valence["songs"], valence["fewest_raters"], valence["most_raters"]) == (
        "interval",
        3,
        2,
        3,
    )
    assert valence["alpha"] == pytest.approx(krippendorff_alpha(VALENCE), abs=1e-6)
    # means 1.5, 4, 22/3; variances 1/2, 2, 1/3 of 2, 2 and 3 raters
    means, deviations, n = [1.5, 4, 22 / 3], np.sqrt([1 / 2, 2, 1 / 3]), [2, 2, 3]
    assert valence["standard_error"] == pytest.approx(np.mean(deviations / np.sqrt(n)), abs=1e-6)
    highest = attainable_scores(means, deviations, n)
    assert valence["attainable_r2"] == pytest.approx(highest["R2"], abs=1e-6)
    assert valence["attainable_ccc"] == pytest.approx(highest["CCC"], abs=1e-6)
    assert valence["attainable_accuracy"] is None
    assert rows["arousal"]["fewest_raters"] == 1
    mood = rows["mood"]
    assert mood["level"] == "nominal"
    table = [["calm", "tense", "tense"], ["calm", "calm", "tense"], [None, None, "tense"]]
    assert mood["alpha"] == pytest.approx(krippendorff_alpha(table, "nominal"), abs=1e-6)
    highest = attainable_accuracy([[1, 0], [0.5, 0.5], [0, 1]], [2, 2, 3], random_state=0)
    assert (mood["attainable_accuracy"], mood["panel_accuracy"]) == pytest.approx(tuple(highest.values()), abs=1e-6)
    assert "read as ratings of valence, arousal, mood; the song is in song, the rater in rater." in err
    assert "Ignored: title (the same for every rater of a song), comment (another text in each row)." in err
    assert out.splitlines()[2].startswith("| valence |     3 | 2.3 (2 to 3) |")


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval", "ratio"])
def test_levels(run, level):
    rows, _, _ = run(RATINGS, "--columns", "valence", "--level", level)
    assert list(rows) == ["valence"]
    assert rows["valence"]["alpha"] == pytest.approx(krippendorff_alpha(VALENCE, level), abs=1e-6)


def test_columns_of_other_names_separated_by_tabs(run):
    text = "Judge\tClip No\tscore\n" + "".join(f"{j}\t{k}\t{k + j}\n" for j in range(2) for k in range(4))
    rows, _, err = run(text, "--rater", "judge", "--song", "clip no")
    assert rows["score"]["alpha"] == pytest.approx(krippendorff_alpha([[0, 1, 2, 3], [1, 2, 3, 4]]), abs=1e-6)
    assert "the song is in Clip No, the rater in Judge" in err


def test_ratings_over_time(run, fail):
    text = "id,rater,second,valence\n" + "".join(
        f"{song},{rater},{second},{10 * song + rater + 3 * second}\n"
        for song in (1, 2, 3)
        for rater in (1, 2)
        for second in (0, 1)
    )
    error = fail(text)
    assert "table.csv, line 3: rater 1 has rated id 1 already, on line 2." in error
    assert "--song id,COLUMN" in error
    rows, _, _ = run(text, "--song", "id,second")
    assert rows["valence"]["songs"] == 6
    rows, _, err = run(text, "--repeated", "mean")
    # means over time 11 + 1.5 and so on: raters differ by 1
    assert rows["valence"]["alpha"] == pytest.approx(
        krippendorff_alpha([[12.5, 22.5, 32.5], [13.5, 23.5, 33.5]]), abs=1e-6
    )
    assert "Ignored: second (the same for every rater of a song)." in err


MEANS = [[1.5, 4, 7, 6], [0.5, 2, 1, 1.5], [10, 8, 9, 1]]


@pytest.mark.parametrize(
    ("header", "options"),
    [
        ("song,valence_mean,valence_std,n", []),
        ("song_id,mean_valence,std_valence,n_raters", []),
        ("musicId,Valence(mean),Valence(std),N_Annotators", []),
        ("id,Valence.mean,valence_SD,valence_n", []),
        (",valence_mean,valence_std,n", []),  # as pandas writes its index
        ("song,v,s,k", ["--mean", "v", "--std", "s", "--n", "k"]),
    ],
)
def test_means_and_deviations(run, header, options):
    text = header + "\n" + "".join(f"{k},{m},{s},{n}\n" for k, (m, s, n) in enumerate(zip(*MEANS, strict=True)))
    rows, _, err = run(text, *options)
    [row] = rows.values()
    assert row["target"] == ("v" if options else "valence")
    highest = attainable_scores(*MEANS)
    assert row["attainable_r2"] == pytest.approx(highest["R2"], abs=1e-6)
    assert (row["songs"], row["fewest_raters"], row["most_raters"]) == (4, 1, 10)
    assert "Ignored" not in err


def test_the_number_of_raters_may_be_given_and_deviations_divided_by_n(run):
    text = "song,valence_mean,valence_std,year\na,1,1,1999\nb,5,1,2000\nc,9,,\nd,,,\n"
    rows, _, err = run(text.replace("9,,", "9,1,"), "--n", "5", "--ddof", "0")
    # a variance of 1 with n is one of 5/4 with n - 1; the last song is not rated
    assert rows["valence"]["attainable_r2"] == pytest.approx(1 - (5 / 4) / 5 / 16, abs=1e-6)
    assert rows["valence"]["songs"] == 3
    # one rater needs 5/4 / (16 - 1/4) * 4 = 0.32 for .8
    assert (rows["valence"]["raters_for_0.8"], rows["valence"]["raters_for_0.9"]) == (1, 1)
    assert "the number of raters is 5." in err
    assert "Ignored: year." in err


def test_votes_as_counts_and_as_shares_are_the_same(run):
    counts = np.array([[3, 1, 0], [2, 2, 4], [0, 0, 6]])
    rows, _, err = run("song,calm,sad,tense\n" + "".join(f"{k},{a},{b},{c}\n" for k, (a, b, c) in enumerate(counts)))
    assert (
        "votes for calm, sad, tense (one vote per rater); the song is in song, the number of raters is their sum."
        in err
    )
    shares = counts / counts.sum(axis=1, keepdims=True)
    text = "song,calm,sad,tense,n\n" + "".join(
        f"{k},{','.join(f'{p:.4f}' for p in row)},{n}\n"
        for k, (row, n) in enumerate(zip(shares, counts.sum(axis=1), strict=True))
    )
    again, _, _ = run(text)
    assert again == rows
    every = rows["(most frequent class)"]
    ratings = [np.repeat(["calm", "sad", "tense"], row) for row in counts]
    table = [[own[k] if k < len(own) else None for own in ratings] for k in range(8)]
    assert every["alpha"] == pytest.approx(krippendorff_alpha(table, "nominal"), abs=1e-6)
    calm = [[None if own is None else float(own == "calm") for own in row] for row in table]
    assert rows["calm"]["alpha"] == pytest.approx(krippendorff_alpha(calm), abs=1e-6)
    highest = attainable_accuracy(shares, counts.sum(axis=1), random_state=0)
    assert (every["attainable_accuracy"], every["panel_accuracy"]) == pytest.approx(tuple(highest.values()), abs=1e-6)


def test_votes_for_several_classes(run):
    text = "id,n_annotators,calm,sad,tied,year\n1,8,0.75,0.5,0,1999\n2,4,0.25,0.75,1,2001\n3,5,0,0,0,2000\n"
    rows, out, err = run(text)
    assert list(rows) == ["(most frequent class)", "calm", "sad"]
    assert (
        "(a rater can vote for several classes or none); the song is in id, the number of raters in n_annotators."
        in err
    )
    assert "Ignored: tied, year." in err
    # the deviation of a share p of n raters is sqrt(p (1 - p) n / (n - 1))
    p, n = np.array([0.75, 0.25, 0]), np.array([8, 4, 5])
    highest = attainable_scores(p, np.sqrt(p * (1 - p) * n / (n - 1)), n)
    assert rows["calm"]["attainable_r2"] == pytest.approx(highest["R2"], abs=1e-6)
    assert rows["(most frequent class)"]["alpha"] is None
    assert out.splitlines()[2].split("|")[4].strip() == "-"


def test_csv_file_and_quiet(capsys):
    Path("table.csv").write_text(RATINGS, encoding="utf-8")
    assert main(["agreement", "table.csv", "--out", "out.csv", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 5
    with open("out.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["target"] for row in rows] == ["valence", "arousal", "mood"]
    assert float(rows[0]["alpha"]) == pytest.approx(krippendorff_alpha(VALENCE), abs=1e-6)
    assert rows[0]["attainable_accuracy"] == ""


def test_constant_ratings_are_named_and_undefined(run):
    rows, _, err = run("song,rater,valence\na,1,3\na,2,3\nb,1,3\nb,2,3\n", "--columns", "valence")
    assert "All ratings are equal" in err
    assert rows["valence"]["alpha"] is None
    assert rows["valence"]["attainable_r2"] is None


def test_output_files_are_checked(fail):
    assert "must end in .json or .csv" in fail(RATINGS, "--out", "out.txt")
    Path("out.csv").touch()
    assert "exists already" in fail(RATINGS, "--out", "out.csv")
    assert "read by the same command" in fail(RATINGS, "--out", "table.csv", "--force")


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", [], "table.csv is empty"),
        ("song,rater,valence\n", [], "has a header, but no row"),
        ("song,rater,valence\na,1\n", [], "table.csv, line 2: 2 fields, but the header has 3."),
        ("song,song,valence\na,1,2\n", [], "several columns of the same name"),
        ("song,rater,valence\na,1,2\na,2,x\nb,1,3\n", [], "table.csv, line 3: valence must be a number, got 'x'."),
        ("song;rater;valence\na;1;2,5\na;2;3\n", [], "line 2: valence must have a decimal point, got '2,5'."),
        ("song,rater,valence\na,,2\n", [], "table.csv, line 2: rater is missing"),
        ("song,rater,valence\n,1,2\n", [], "table.csv, line 2: song is missing"),
        ("song,rater,valence\na,1,2\nb,2,3\n", ["--columns", "valence"], "valence: No unit has two ratings"),
        ("song,rater,valence\na,1,2\na,2,3\n", [], "valence has ratings of fewer than two songs"),
        ("song,rater,title\na,1,x\na,2,x\n", [], "no column of ratings beside song, rater"),
        ("song,rater,mood\na,1,x\na,1,y\nb,2,x\n", ["--repeated", "mean"], "--repeated mean is for numbers, but mood"),
        (RATINGS, ["--columns", "volume"], "--columns volume: table.csv has no such column; its header is ['song',"),
        (RATINGS, ["--columns", "mood", "--level", "ordinal"], "line 2: mood must be a number, got 'calm'."),
        (RATINGS, ["--n", "10"], "--n is for means and votes, but table.csv is read as ratings"),
        ("song,v_mean,v_std\na,1,1\nb,2,1\n", [], "no column with the number of raters"),
        ("song,v_mean,v_std\na,1,1\nb,2,1\n", ["--n", "0"], "must be at least 1"),
        ("song,v_mean,v_std\na,1,1\nb,2,1\n", ["--n", "1"], "v: No song has two raters"),
        ("song,v_mean,v_std\na,1,1\nb,2,-1\n", ["--n", "5"], "line 3: v_std must be a number of at least 0, got '-1'."),
        ("song,v_mean,v_std\na,1,1\na,2,1\n", ["--n", "5"], "line 3: song a is on line 2 already."),
        ("song,v_mean,v_std,n\na,1,1,5\nb,2,1,0\n", [], "line 3: n must be at least 1 where v_mean is given."),
        ("song,v_mean,v_std\na,1,1\nb,2,1\n", ["--columns", "w"], "no mean and deviation of it"),
        ("song,v_mean,v_std\na,1,1\nb,2,1\n", ["--mean", "v_mean"], "--mean names 1 columns and --std 0"),
        ("song,v_mean\na,1\nb,2\n", [], "has means (v_mean), but no standard deviations"),
        ("song,mood\na,calm\nb,tense\n", [], "neither a column of raters"),
        ("song,calm,sad\na,0.5,0.5\nb,1,0\n", [], "no column with the number of raters"),
        ("song,calm,sad\na,1,0\nb,0,1\n", [], "has only 0 and 1 for calm, sad"),
        ("song,calm,sad,n\na,0.5,0.5,4\nb,,1,4\n", [], "line 3: calm is missing"),
        ("song,calm,sad,n\na,0.5,0.5,4\nb,0.5,0.5,\n", [], "line 3: n must be a whole number of at least 1."),
        ("song,x,y,n\na,5,1,4\nb,1,1,4\n", ["--columns", "x,y"], "line 2: x must be from 0 to n, 4, got '5'."),
        (
            "song,x,y,n\na,0.5,2,4\nb,1,1,4\n",
            ["--columns", "x,y"],
            "line 2: y must be from 0 to 1, as a share, got '2'.",
        ),
    ],
)
def test_errors_name_the_file_the_row_and_the_column(fail, text, options, message):
    error = fail(text, *options)
    assert message in error
    assert "table.csv" in error or options


LABELLED = """path,label,decision,rater,when
a.wav,calm,labelled,{rater},2026-01-01T00:00:00Z
b.wav,{label},labelled,{rater},2026-01-01T00:00:00Z
c.wav,,unsure,{rater},2026-01-01T00:00:01Z
"""


def test_tables_of_single_raters_are_read_as_one(capsys):
    for rater, label in (("Ann", "calm"), ("Bob", "tense"), ("Cleo", "tense")):
        Path(f"{rater}.csv").write_text(LABELLED.format(rater=rater, label=label), encoding="utf-8")
    files = ["Ann.csv", "Bob.csv", "Cleo.csv"]
    assert main(["agreement", *files, "--out", "out.json"]) == 0
    found = json.loads(Path("out.json").read_text(encoding="utf-8"))
    assert found["annotations"] == files
    [row] = found["targets"]
    assert (row["target"], row["songs"], row["most_raters"]) == ("label", 2, 3)
    table = [["calm", "calm"], ["calm", "tense"], ["calm", "tense"]]
    assert row["alpha"] == pytest.approx(krippendorff_alpha(table, "nominal"), abs=1e-6)
    err = capsys.readouterr().err
    assert "Ann.csv, Bob.csv, Cleo.csv are read as ratings of label; the song is in path, the rater in rater." in err
    assert "Ignored: 3 unsure." in err
    assert main(["agreement", "Ann.csv", "Bob.csv", "Ann.csv"]) == 2
    assert "Ann.csv: this table is given twice." in capsys.readouterr().err
    Path("again.csv").write_text(LABELLED.format(rater="Ann", label="calm"), encoding="utf-8")
    assert main(["agreement", "Ann.csv", "Bob.csv", "again.csv"]) == 2
    assert "again.csv, line 2: rater Ann has rated path a.wav already, on line 2 of Ann.csv." in capsys.readouterr().err
    Path("other.csv").write_text("path,label,rater\na.wav,calm,Eve\n", encoding="utf-8")
    assert main(["agreement", "Ann.csv", "other.csv"]) == 2
    assert "other.csv has the header ['path', 'label', 'rater'], but Ann.csv has ['path'," in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Bob", "NA"])
def test_raters_who_agree_on_all_songs_of_a_page(run, name):
    text = LABELLED.format(rater="Ann", label="tense")
    rows, _, _ = run(text + "".join(LABELLED.format(rater=name, label="tense").splitlines(keepends=True)[1:]))
    assert rows["label"]["alpha"] == 1


def test_tables_of_a_page_of_doubtful_labels(run):
    header = "path,label,old_label,decision,rater,when\n"
    ann = "a.wav,calm,calm,kept,Ann,\nb.wav,sad,calm,changed,Ann,\nc.wav,sad,sad,unsure,Ann,\nd.wav,calm,calm,,,\n"
    bob = "a.wav,calm,calm,kept,Bob,\nb.wav,calm,calm,kept,Bob,\nc.wav,,sad,left out,Bob,\nd.wav,calm,calm,,,\n"
    rows, _, err = run(header + ann + bob)
    assert list(rows) == ["label"]
    assert (rows["label"]["songs"], rows["label"]["most_raters"]) == (2, 2)
    table = [["calm", "sad"], ["calm", "calm"]]
    assert rows["label"]["alpha"] == pytest.approx(krippendorff_alpha(table, "nominal"), abs=1e-6)
    assert "Ignored: 1 unsure, 1 left out, 2 that nobody has decided on." in err


def test_a_page_of_doubtful_labels_that_nobody_has_decided_on(fail):
    assert "nobody has decided on any" in fail("path,label,old_label,decision,rater,when\na.wav,calm,calm,,,\n")


def test_ratings_of_a_page_over_time(run):
    text = "path,time,valence,arousal,rater\n" + "".join(
        f"{song},{time},{k + time + shift},,{rater}\n"
        for rater, shift in (("Ann", 0), ("Bob", 0.5))
        for k, song in enumerate("ab")
        for time in (0.5, 1.0)
    )
    rows, _, err = run(text)
    assert list(rows) == ["valence"]
    assert rows["valence"]["songs"] == 4
    assert "the song is in path and time, the rater in rater." in err
    assert "Ignored: arousal (empty)." in err
    rows, _, _ = run(text, "--repeated", "mean")
    assert rows["valence"]["songs"] == 2
    assert rows["valence"]["alpha"] == pytest.approx(krippendorff_alpha([[0.75, 1.75], [1.25, 2.25]]), abs=1e-6)


def test_a_missing_file(capsys):
    assert main(["agreement", "nothing.csv"]) == 2
    assert "No such file: nothing.csv" in capsys.readouterr().err


@pytest.mark.data
@pytest.mark.skipif(
    not Path(os.environ.get("SKMER_DATA", ""), "vgmidi", "raters.csv").is_file(), reason="needs $SKMER_DATA/vgmidi"
)
def test_published_means_tell_the_same_as_the_single_ratings(capsys):
    home = Path(os.environ["SKMER_DATA"], "vgmidi")
    found = []
    for name, song in (("raters.csv", "id,stretch"), ("dynamic.csv", "id,start_s")):
        assert main(["agreement", str(home / name), "--song", song, "--out", "out.json", "--force"]) == 0
        found.append(json.loads(Path("out.json").read_text())["targets"])
    for single, mean in zip(*found, strict=True):
        for figure in ("alpha", "standard_error", "attainable_r2"):
            assert single[figure] == pytest.approx(mean[figure], abs=1e-3)
