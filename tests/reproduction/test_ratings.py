"""run_ratings on a dozen tiny songs: its scores are those of predictions that are made here, on the same folds."""

import json

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.metrics import r2_score, root_mean_squared_error
from sklearn.model_selection import GroupKFold, KFold
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from skmer import DescriptorTransformer, SegmentStatistics, SegmentTransformer, SSSLRegressor
from skmer.datasets import load_deam, load_eim, load_pmemo, load_vgmidi, segment_ratings
from skmer.metrics import attainable_scores, concordance_correlation_coefficient, curve_score
from skmer.model_selection import corrected_paired_test, holm
from skmer.reproduction import RatingSettings, run_ratings, table_csv, table_markdown
from skmer.reproduction.ratings import fits
from skmer.reproduction.ratings.report import ratings_differences, ratings_rows
from skmer.reproduction.ratings.songs import folds_of, load_rated
from skmer.reproduction.ratings.systems import DESCRIPTORS, DUMMY, OVER_TIME, PLAIN, SSSL
from tests.reproduction.tiny import ARTISTS, N_SONGS
from tests.reproduction.tiny_ratings import (
    SECONDS,
    write_deam_raters,
    write_pmemo_deviations,
    write_rated,
    write_vgmidi,
)

# the tiny tables do not hold the published number of songs
pytestmark = pytest.mark.filterwarnings("ignore:.*are published", "ignore:.*segments have no ratings")

NETWORK = {"backbone": "mlp", "backbone_params": {"hidden": [4]}, "max_epochs": 4, "warmup_epochs": 2}
SETTINGS = RatingSettings(
    "mlp", 4, 2, duration=1.0, delay=0.5, params={"backbone_params": {"hidden": [4]}}, device="cpu"
)
MEASURES = {"R²": r2_score, "CCC": concordance_correlation_coefficient, "RMSE": root_mean_squared_error}
GROUPS = np.repeat(ARTISTS, 2)
FOLDS = list(GroupKFold(2, shuffle=True, random_state=0).split(GROUPS, groups=GROUPS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rated")


@pytest.fixture(scope="module")
def pmemo(folder):
    home = write_rated("pmemo", folder)
    songs = load_pmemo(home, task="dimensional", dynamic=True)
    return home, songs, run_ratings("pmemo", SETTINGS, data_home=home, over_time=True, smoothing=3, n_splits=2)


@pytest.fixture(scope="module")
def eim(folder):
    home = write_rated("eim", folder)
    songs = load_eim(home, task="dimensional", dynamic=True)
    return home, songs, run_ratings("eim", SETTINGS, data_home=home, over_time=True, n_splits=2, systems=["network"])


def segments_of(songs):
    return SegmentStatistics().fit_transform(SegmentTransformer(duration=1.0, harmony=True).transform(songs.data))


def fit(songs, segments, train, y, **changed):
    return SSSLRegressor(**{**NETWORK, **changed}, device="cpu", random_state=0).fit(segments[train], y)


def scores_of(rows, name):
    return [row["scores"] for row in rows if row["name"] == name]


def expected(y, predicted):
    found = {name: measure(y, predicted, multioutput="raw_values") for name, measure in MEASURES.items()}
    return {f"{name} {t}": v for name, values in found.items() for t, v in zip(("valence", "arousal"), values)}  # noqa: B905


def descriptors(songs):
    rows = DescriptorTransformer().fit_transform(songs.data)
    svm = MultiOutputRegressor(make_pipeline(StandardScaler(), SVR()))
    model = TransformedTargetRegressor(svm, transformer=StandardScaler())
    return [model.fit(rows[train], songs.target[train]).predict(rows[test]) for train, test in FOLDS]


def test_scores_of_songs_are_those_of_predictions_made_by_hand(pmemo):
    _, songs, table = pmemo
    segments = segments_of(songs)
    predicted = {
        DUMMY: [np.tile(songs.target[train].mean(axis=0), (len(test), 1)) for train, test in FOLDS],
        DESCRIPTORS: descriptors(songs),
        PLAIN: [
            fit(songs, segments, train, songs.target[train], noise_model=None).predict(segments[test])
            for train, test in FOLDS
        ],
        SSSL: [fit(songs, segments, train, songs.target[train]).predict(segments[test]) for train, test in FOLDS],
    }
    truth = [songs.target[test] for _, test in FOLDS]
    for name, of_folds in predicted.items():
        rows = [row for row in table["rows"] if row["name"] == name]
        assert [(row["fold"], row["n_train"], row["n_test"]) for row in rows] == [(0, 6, 6), (1, 6, 6)]
        for row, y, own in zip(rows, truth, of_folds, strict=True):
            assert row["scores"] == pytest.approx(expected(y, own), abs=1e-6), name
        [pooled] = scores_of(table["pooled"], name)
        assert pooled == pytest.approx(expected(np.concatenate(truth), np.concatenate(of_folds)), abs=1e-6)
    assert {row["seed"] for row in table["rows"] if row["name"] in (DUMMY, DESCRIPTORS)} == {None}


def test_scores_over_time_are_those_of_curves_made_by_hand(pmemo):
    _, songs, table = pmemo
    segments = segments_of(songs)
    assert [len(song) for song in segments] == [SECONDS] * N_SONGS
    y = segment_ratings(songs.dynamic, segments, (1.0, 1.0), delay=0.5)
    part = table["over_time"]
    assert (part["n_segments"], part["n_rated"], part["n_rated_songs"]) == (4 * N_SONGS, 4 * N_SONGS, N_SONGS)
    svr = descriptors(songs)
    for fold, (train, test) in enumerate(FOLDS):
        model = fit(songs, segments, train, [y[i] for i in train], noise_model=None)
        curves = model.transform(segments[test])
        plain = fit(songs, segments, train, songs.target[train], noise_model=None).transform(segments[test])
        rows = {
            OVER_TIME: curves,
            f"{OVER_TIME}, smoothed over 3 segments": model.set_params(smoothing=3).transform(segments[test]),
            f"{OVER_TIME}, constant in each song": [np.tile(c.mean(axis=0), (4, 1)) for c in curves],
            PLAIN: plain,
            f"{DESCRIPTORS}, constant in each song": [np.tile(row, (4, 1)) for row in svr[fold]],
            DUMMY: [np.tile(np.concatenate([songs.dynamic[i].mean for i in train]).mean(axis=0), (4, 1))] * len(test),
        }
        truth = [y[i] for i in test]
        for name, own in rows.items():
            scores = scores_of(part["rows"], name)[fold]
            for score, measure, average in [
                ("R²", "r2", "pooled"), ("CCC", "ccc", "pooled"), ("RMSE", "rmse", "pooled"),
                ("CCC", "ccc", "songs"), ("r", "pearson", "songs"),
            ]:  # fmt: skip
                where = "pooled" if average == "pooled" else "mean of songs"
                found = [scores[f"{score}, {where} {target}"] for target in ("valence", "arousal")]
                value = curve_score(truth, own, measure, average=average, multioutput="raw_values")
                assert found == pytest.approx(value.tolist(), abs=1e-6), (name, score, average)
    # the mean of a curve is the prediction for the song
    [pooled] = scores_of(table["pooled"], OVER_TIME)
    predicted = np.empty((N_SONGS, 2))
    for train, test in FOLDS:
        model = fit(songs, segments, train, [y[i] for i in train], noise_model=None)
        predicted[test] = model.predict(segments[test])
    assert pooled == pytest.approx(expected(songs.target, predicted), abs=1e-6)


def test_scales_are_converted(eim):
    """Songs of EiM are rated from 1 to 9, and over time from -1 to 1."""
    _, songs, table = eim
    assert (table["scale"], table["over_time"]["scale"]) == ([1, 9], [-1, 1])
    segments = segments_of(songs)
    y = segment_ratings(songs.dynamic, segments, (1.0, 1.0), delay=0.5)
    train, test = FOLDS[0]
    over_time = fit(songs, segments, train, [y[i] for i in train], noise_model=None)
    found = scores_of(table["rows"], OVER_TIME)[0]
    assert found == pytest.approx(expected(songs.target[test], 5 + 4 * over_time.predict(segments[test])), abs=1e-6)
    plain = fit(songs, segments, train, songs.target[train], noise_model=None)
    curves = [(song - 5) / 4 for song in plain.transform(segments[test])]
    score = curve_score([y[i] for i in test], curves, "rmse", average="pooled", multioutput="raw_values")
    found = scores_of(table["over_time"]["rows"], PLAIN)[0]
    assert [found[f"RMSE, pooled {t}"] for t in ("valence", "arousal")] == pytest.approx(score.tolist(), abs=1e-6)
    assert "predictions are converted linearly" in table_markdown(table)


def test_a_table_has_what_is_needed_to_judge_it(pmemo):
    _, _, table = pmemo
    about = ("table", "dataset", "title", "unit", "n_songs", "group", "n_groups")
    assert [table[key] for key in about] == ["ratings", "pmemo", "PMEmo", "song", 12, "artist", 6]
    assert table["settings"] == SETTINGS.to_dict()
    assert table["protocol"] == {
        "folds_kind": "grouped", "description": "2 folds, the songs of an artist in one fold", "n_folds": 2,
        "folds": [0, 1], "seeds": [0],
    }  # fmt: skip
    assert json.loads(json.dumps(table)) == table
    markdown = table_markdown(table)
    assert "PMEmo: 12 songs of 6 artists, rated from 0 to 1." in markdown
    assert "2 folds, the songs of an artist in one fold; seed 0; mean ± standard deviation over folds." in markdown


def test_the_figures_of_a_page_are_those_of_the_table(pmemo):
    _, _, table = pmemo
    markdown = table_markdown(table)
    values = [scores["R² arousal"] for scores in scores_of(table["rows"], PLAIN)]
    cell = f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}".replace("0.", ".")
    [line, *_] = [line for line in markdown.splitlines() if line.startswith(f"| {PLAIN} ")]
    assert [part.strip() for part in line.split("|")][3] == cell
    [row] = [row for row in ratings_rows(table) if row["row"] == PLAIN]
    assert row["R² arousal"]["pooled"] == scores_of(table["pooled"], PLAIN)[0]["R² arousal"]
    lines = table_csv(table).splitlines()
    assert lines[0] == "ratings,row,score,mean,sd,n,pooled"
    assert f"songs,{PLAIN},R² arousal,{np.mean(values)}" in table_csv(table)
    assert any(line.startswith(f'over time,{OVER_TIME},"CCC, mean of songs valence",') for line in lines)


def test_figures_of_the_literature_are_beside(pmemo, eim):
    for (_, _, table), figures in [(pmemo, {"Music2Emo": (".547", ".794")}),
                                   (eim, {"Music2Emo": (".651", ".762"), "MERT": (".612", ".747")})]:  # fmt: skip
        markdown = table_markdown(table)
        for model, values in figures.items():
            [line] = [line for line in markdown.splitlines() if line.startswith(f"| {model} ")]
            assert tuple(cell.strip() for cell in line.split("|")[2:4]) == values
            assert f"songs,{model} (literature),R² valence,0{values[0]}," in table_csv(table)
        assert "the same artists in training and test songs" in markdown


def test_differences_are_tested_by_hand(pmemo):
    _, _, table = pmemo
    found = ratings_differences(table)["R² valence"]
    pairs = [(pair["row"], pair["less"]) for pair in found]
    assert pairs == [
        (PLAIN, DESCRIPTORS),
        (SSSL, DESCRIPTORS),
        (OVER_TIME, DESCRIPTORS),
        (SSSL, PLAIN),
        (OVER_TIME, PLAIN),
    ]
    values = {
        name: np.array([scores["R² valence"] for scores in scores_of(table["rows"], name)])
        for name in (DESCRIPTORS, PLAIN, SSSL, OVER_TIME)
    }
    tests = [corrected_paired_test(values[a] - values[b], 6, 6).p_value for a, b in pairs]
    assert [pair["p_value"] for pair in found] == pytest.approx(tests)
    assert [pair["adjusted"] for pair in found] == pytest.approx(holm(tests).tolist())
    over_time = ratings_differences(table, ["CCC, mean of songs valence"], table["over_time"])
    pairs = {(pair["row"], pair["less"]) for pair in over_time["CCC, mean of songs valence"]}
    assert (f"{OVER_TIME}, smoothed over 3 segments", OVER_TIME) in pairs
    assert (OVER_TIME, f"{DESCRIPTORS}, constant in each song") in pairs


# ---- folds -----------------------------------------------------------------------------------------


def test_songs_of_deam_have_no_artists(folder):
    songs = load_rated("deam", write_rated("deam", folder))
    folds, kind, text = folds_of(songs, None, 3)
    assert kind == "random"
    assert "because DEAM names no artists" in text
    for (train, test), (a, b) in zip(folds, KFold(3, shuffle=True, random_state=0).split(songs.ratings), strict=True):
        assert (train.tolist(), test.tolist()) == (a.tolist(), b.tolist())
    with pytest.raises(ValueError, match="DEAM names no artists: choose the protocol 'random'"):
        folds_of(songs, "grouped", 3)


def test_other_protocols_tell_of_shared_artists(eim):
    home, loaded, _ = eim
    songs = load_rated("eim", home)
    [(train, test)], kind, text = folds_of(songs, "mediaeval2013")
    assert [train.tolist(), test.tolist()] == [part.tolist() for part in loaded.splits["mediaeval2013"].values()]
    assert kind == "mediaeval2013"
    # songs 9 to 12 are of two artists, who are all theirs
    assert text.endswith("; 0 of 4 test songs are of an artist of training songs")
    folds, _, text = folds_of(songs, "random", 3)
    shared = sum(int(np.isin(songs.groups[test], songs.groups[train]).sum()) for train, test in folds)
    assert text == f"3 random folds; {shared} of 12 test songs are of an artist of training songs"
    assert shared > 0
    table = run_ratings("eim", SETTINGS, data_home=home, folds_kind="mediaeval2013", systems=["descriptors"])
    assert [row["n_test"] for row in table["rows"]] == [4, 4]
    assert "±" not in table_markdown(table)


def test_what_folds_cannot_be(eim):
    songs = load_rated("eim", eim[0])
    with pytest.raises(ValueError, match=r"no protocol 'x': choose one of grouped, random, mediaeval2013\."):
        folds_of(songs, "x")
    with pytest.raises(ValueError, match="n_splits=7 is more than the 6 artists: lower it"):
        folds_of(songs, "grouped", 7)
    with pytest.raises(ValueError, match="A fold of 12 has fewer than two test songs: lower n_splits"):
        folds_of(songs, "random", 12)
    with pytest.raises(ValueError, match=r"folds must be some of 0 to 1, got \[2\]"):
        run_ratings("eim", SETTINGS, data_home=eim[0], n_splits=2, folds=[2])


# ---- raters ----------------------------------------------------------------------------------------


def limits(table):
    return [table["attainable"]["scores"][f"{score} {t}"] for score in ("R²", "CCC") for t in ("valence", "arousal")]


def by_hand(means, deviations, n_raters):
    found = attainable_scores(means, deviations, n_raters)
    return [*found["R2"].tolist(), *found["CCC"].tolist()]


def test_attainable_scores(folder, pmemo, eim):
    home, songs, table = pmemo
    assert table["attainable"] is None
    assert "is unknown" in table_markdown(table)
    dummy = {"systems": ["dummy"], "n_splits": 2}
    write_pmemo_deviations(home)
    spread = np.column_stack([0.01 * np.arange(1, 13), np.full(12, 0.1)])
    found = run_ratings("pmemo", SETTINGS, data_home=home, **dummy)
    assert limits(found) == pytest.approx(by_hand(songs.target, spread, 10))
    assert "10 raters a song, the least number" in table_markdown(found)
    _, songs, table = eim
    assert limits(table) == pytest.approx(by_hand(songs.target, np.full((12, 2), 0.5), 10))
    # DEAM divides by n
    home = write_rated("deam", folder)
    songs = load_deam(home, task="dimensional")
    found = run_ratings("deam", SETTINGS, data_home=home, **dummy)
    assert limits(found) == pytest.approx(by_hand(songs.target, np.full((12, 2), 0.5 * np.sqrt(10 / 9)), 10))
    counts = np.array([5] * 6 + [8] * 5 + [0])
    write_deam_raters(home, counts)
    found = run_ratings("deam", SETTINGS, data_home=home, **dummy)
    counts[-1] = 10
    spread = np.repeat(0.5 * np.sqrt(counts / (counts - 1))[:, None], 2, axis=1)
    assert limits(found) == pytest.approx(by_hand(songs.target, spread, counts))
    assert "10 raters are assumed for songs whose raters are not listed" in found["attainable"]["note"]


def test_attainable_scores_of_pieces_and_over_time(tmp_path):
    home = write_vgmidi(tmp_path, listeners=True)
    songs = load_vgmidi(home, task="dimensional")
    table = run_ratings(
        "vgmidi", SETTINGS, data_home=home, n_splits=2, over_time=True, systems=["network (ratings over time)"]
    )
    # listeners differ by as much in both stretches
    assert limits(table) == pytest.approx(by_hand(songs.target, np.tile([0.1, 0.2], (12, 1)), 3))
    y = np.concatenate(segment_ratings(songs.dynamic, [SECONDS] * N_SONGS, (1.0, 1.0), delay=0.5))
    rated = ~np.isnan(y).any(axis=1)
    means = attainable_scores(y[rated], np.tile([0.1, 0.2], (rated.sum(), 1)), 3)["R2"]
    scores = table["over_time"]["attainable"]["scores"]
    assert [scores["R² valence"], scores["R² arousal"]] == pytest.approx(means.tolist())
    assert "12 pieces of 6 series" in table_markdown(table)
    assert "the pieces of a series in one fold" in table_markdown(table)


# ---- stored fits, and what is wrong ----------------------------------------------------------------


def timeless(table):
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in table["rows"]]
    return {**table, "rows": rows, "date": ""}


def test_finished_fits_are_not_run_again(eim, tmp_path, monkeypatch):
    home = eim[0]
    options = {"data_home": home, "n_splits": 2, "store": tmp_path, "systems": ["network"]}
    real, calls = fits._run_network, []

    def stop(settings, name, *args):
        calls.append(name)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(settings, name, *args)

    monkeypatch.setattr(fits, "_run_network", stop)
    with pytest.raises(KeyboardInterrupt):
        run_ratings("eim", SETTINGS, **options)
    assert len(list(tmp_path.glob("*.json"))) == 2
    table = run_ratings("eim", SETTINGS, **options)
    assert calls == [PLAIN, SSSL, PLAIN, PLAIN, SSSL]
    # the networks of songs are those of the table over time, too
    longer = run_ratings("eim", SETTINGS, over_time=True, **options)
    assert calls[5:] == [OVER_TIME, OVER_TIME]
    assert timeless(longer)["rows"][:2] == timeless(table)["rows"][:2]
    run_ratings("eim", SETTINGS, over_time=True, smoothing=3, **options)
    assert len(calls) == 7
    # what only the ratings over time depend on
    changed = RatingSettings(**{**SETTINGS.to_dict(), "delay": 0.0})
    run_ratings("eim", changed, over_time=True, **options)
    assert calls[7:] == [OVER_TIME, OVER_TIME]


def test_seeds_are_averaged_within_folds(eim):
    table = run_ratings("eim", SETTINGS, data_home=eim[0], n_splits=2, seeds=[0, 1], systems=[PLAIN, DESCRIPTORS])
    assert [(row["fold"], row["seed"]) for row in table["rows"] if row["name"] == PLAIN] == [
        (0, 0),
        (0, 1),
        (1, 0),
        (1, 1),
    ]
    [row] = [row for row in ratings_rows(table) if row["row"] == PLAIN]
    values = np.array([scores["CCC valence"] for scores in scores_of(table["rows"], PLAIN)]).reshape(2, 2)
    assert row["CCC valence"]["mean"] == pytest.approx(values.mean())
    assert row["CCC valence"]["sd"] == pytest.approx(values.mean(axis=1).std(ddof=1))
    [pair] = ratings_differences(table)["R² valence"]
    assert (pair["row"], pair["less"], pair["n"]) == (PLAIN, DESCRIPTORS, 2)


def test_a_table_that_must_not_be_replaced(eim, tmp_path):
    home, _, before = eim
    path = tmp_path / "t.json"
    path.write_text(json.dumps(before))
    options = {"data_home": home, "n_splits": 2, "systems": ["network"], "replaces": path}
    for settings, changed, message in [
        (RatingSettings(**{**SETTINGS.to_dict(), "epochs": 5}), {}, r"other settings \(epochs\)"),
        (SETTINGS, {"n_splits": 3}, r"other settings \(n_splits\)"),
        (SETTINGS, {}, r"missing from the new table, such as 'network \(ratings over time\)' \(fold 0, seed 0\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            run_ratings("eim", settings, **{**options, **changed})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"systems": ["svm"]}, r"No row has a name that begins with 'svm'\. The names are: dummy \(training mean\);"),
        ({"systems": ["descriptors"], "over_time": True}, r"over_time needs the row 'network \(ratings over time\)'"),
        ({"smoothing": 3}, "smoothing is of curves, which there are with over_time"),
        ({"smoothing": 2, "over_time": True}, "smoothing must be an odd number of segments, at least 1, got 2"),
        ({"settings": RatingSettings(epochs=5)}, "epochs=5 leaves no epoch after warmup_epochs=5"),
        ({"settings": RatingSettings(params={"noise_model": None})}, "no parameter 'noise_model' to set here; it has"),
        ({"settings": RatingSettings(params={"lr": -1.0})}, "'lr' parameter of SSSLRegressor must be"),
        ({"seeds": []}, "seeds must be whole numbers"),
    ],
)
def test_wrong_parameters_are_found_before_any_song(options, message):
    with pytest.raises(ValueError, match=message):
        run_ratings("eim", options.pop("settings", SETTINGS), data_home="nowhere", **options)


def test_collections_without_ratings(folder):
    with pytest.raises(
        ValueError, match=r"dataset must be one of pmemo, deam, eim, vgmidi, got '4q': 4Q.* has classes, but"
    ):
        run_ratings("4q", SETTINGS)
    with pytest.raises(ValueError, match=r"dataset must be one of pmemo, deam, eim, vgmidi, got 'gtzan'\."):
        run_ratings("gtzan", SETTINGS)
    home = write_rated("pmemo", folder / "static", over_time=False)
    with pytest.raises(
        FileNotFoundError, match=r"ratings over time are missing: .*dynamic_annotations\.csv.*--over-time"
    ):
        run_ratings("pmemo", SETTINGS, data_home=home, over_time=True)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        run_ratings("pmemo", SETTINGS, data_home="nowhere", over_time=True)


def test_settings_of_a_backbone():
    settings = RatingSettings.for_backbone("mlp", epochs=3, duration=None, params={"lr": 0.1})
    assert (settings.epochs, settings.warmup_epochs, settings.duration) == (3, 8, 3.0)
    assert settings.params == {"backbone_params": {"hidden": [128]}, "segment_step": 3, "lr": 0.1}
    assert RatingSettings.for_backbone("vgg16") == RatingSettings()
    assert RatingSettings().network(SSSL)["sssl"].backbone_params == {"head": "original"}
    assert list(settings.network(SSSL).named_steps) == ["segments", "segment_statistics", "sssl"]
    assert settings.network(SSSL)["segments"].harmony
    defaults = SSSLRegressor().get_params()
    network = RatingSettings().network(SSSL)["sssl"].get_params()
    assert {name for name in defaults if defaults[name] != network[name]} <= {
        "max_epochs", "warmup_epochs", "backbone_params", "random_state",
    }  # fmt: skip
