"""load_vgmidi on tiny files in its layout, and on the real annotations where they are."""

import os
from pathlib import Path

import numpy as np
import pytest

from skmer.datasets.vgmidi import load_vgmidi

# the tiny tables do not hold the published number of pieces
pytestmark = pytest.mark.filterwarnings("ignore:.*are published")

TABLES = {
    "labels.csv": [
        ["id", "midi", "series", "name", "n_raters", "duration_s", "valence", "arousal", "quadrant"],
        ["12", "x", "Zelda", "Song of Storms", "2", "6.0", "0.3", "0.1", "Q1"],
        ["7", "x", "Mario", "Cave, deep", "3", "4.5", "-0.2", "0.0", "Q2"],
        ["20", "x", "Zelda", "Night", "2", "2.0", "0.4", "-0.5", "Q4"],
    ],
    "dynamic.csv": [
        ["id", "start_s", "end_s", "valence_mean", "valence_sd", "valence_median", "arousal_mean", "arousal_sd"],
        ["12", "0.0", "2.5", "0.2", "0.1", "0", "-0.1", "0.2"],
        ["12", "2.5", "6.0", "0.4", "0.3", "0", "0.3", "0.4"],
        ["7", "0.0", "4.5", "-0.2", "0.5", "0", "0.0", "0.6"],
        ["20", "0.5", "2.0", "0.4", "0.7", "0", "-0.5", "0.8"],
    ],
    "raters.csv": [
        ["id", "rater", "stretch", "valence", "arousal"],
        *(["12", rater, stretch, str(int(rater) / 10), str(-int(stretch) / 10)] for rater in "21" for stretch in "10"),
        *(["7", rater, "0", "-0.2", "0.1"] for rater in "123"),
        *(["20", rater, "0", "0.4", "-0.5"] for rater in "12"),
    ],
}


def write(folder, audio=("7.flac", "12.flac", "20.flac"), listeners=False, **changed):
    """Write the tables; `changed` has a row and its cells by column, such as ``labels=(1, {"id": "3"})``."""
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    for name, rows in TABLES.items():
        if name == "raters.csv" and not listeners:
            continue
        rows = [list(row) for row in rows]
        row, cells = changed.get(name.removesuffix(".csv"), (0, {}))
        for column, value in cells.items():
            rows[row][rows[0].index(column)] = value
        quoted = ([f'"{cell}"' if "," in cell else cell for cell in row] for row in rows)
        (folder / name).write_text("\n".join(map(",".join, quoted)) + "\n", encoding="utf-8")
    for name in audio:
        (folder / "audio" / name).touch()
    return folder


def test_pieces_are_in_the_order_of_their_ids(tmp_path):
    songs = load_vgmidi(write(tmp_path))
    assert songs.data == [str(tmp_path / "audio" / f"{number}.flac") for number in (7, 12, 20)]
    assert songs.target.tolist() == songs.quadrant.tolist() == ["Q2", "Q1", "Q4"]
    assert songs.groups.tolist() == songs.series.tolist() == ["Mario", "Zelda", "Zelda"]
    assert songs.name.tolist() == ["Cave, deep", "Song of Storms", "Night"]
    assert songs.piece_id.tolist() == [7, 12, 20]
    assert songs.durations.tolist() == [4.5, 6, 2]
    for word in ("Ferreira", "groups", "one to three seconds late"):
        assert word in songs.DESCR


def test_ratings_over_time(tmp_path):
    ratings = load_vgmidi(write(tmp_path)).dynamic[1]
    assert (ratings.starts.tolist(), ratings.ends.tolist()) == ([0, 2.5], [2.5, 6])
    assert ratings.mean.tolist() == [[0.2, -0.1], [0.4, 0.3]]
    assert ratings.deviation.tolist() == [[0.1, 0.2], [0.3, 0.4]]
    assert ratings.n_listeners == 2
    assert ratings.listeners is None


def test_ratings_of_single_listeners(tmp_path):
    songs = load_vgmidi(write(tmp_path, listeners=True), listeners=True)
    assert [ratings.listeners.shape for ratings in songs.dynamic] == [(3, 1, 2), (2, 2, 2), (2, 1, 2)]
    # whatever the order of the rows
    assert songs.dynamic[1].listeners.tolist() == [[[0.1, 0], [0.1, -0.1]], [[0.2, 0], [0.2, -0.1]]]


@pytest.mark.parametrize(
    ("options", "target"),
    [
        ({"task": "valence"}, ["low", "high", "high"]),
        ({"task": "arousal"}, ["high", "high", "low"]),
        ({"task": "arousal", "threshold": 0.05}, ["low", "high", "low"]),
        ({"task": "valence", "threshold": "median"}, [-0.2, 0.3, 0.4]),
        ({"task": "dimensional"}, [[-0.2, 0.0], [0.3, 0.1], [0.4, -0.5]]),
    ],
)
def test_targets(tmp_path, options, target):
    assert load_vgmidi(write(tmp_path), **options).target.tolist() == target


@pytest.mark.parametrize("check_audio", [True, False])
def test_two_recordings_of_a_piece(tmp_path, check_audio):
    (write(tmp_path) / "audio" / "12.mp3").touch()
    with pytest.raises(ValueError, match=r"piece 12 has 2 audio files, .*\.flac, .*\.mp3: keep one"):
        load_vgmidi(tmp_path, check_audio=check_audio)


@pytest.mark.parametrize(
    ("table", "row", "cells", "message"),
    [
        ("labels", 1, {"quadrant": "Q2"}, r"line 2: quadrant must be 'Q1', that of valence and arousal, got 'Q2'"),
        ("labels", 1, {"valence": "1.5"}, r"line 2: valence must lie between -1 and 1, got '1\.5'"),
        ("labels", 2, {"series": ""}, r"line 3: series is missing"),
        ("labels", 2, {"id": "12"}, r"line 3: id 12 is in more than one row"),
        ("labels", 3, {"id": "21"}, r"line 4: id 21 has no row in .*dynamic\.csv"),
        ("dynamic", 1, {"end_s": "0.0"}, r"line 2: end_s must be seconds above 0"),
        ("dynamic", 2, {"end_s": "2.5"}, r"line 3: end_s must be later than start_s, 2\.5, got 2\.5"),
        ("dynamic", 2, {"start_s": "2.4"}, r"line 3: .* start_s is before the end of the one above"),
        ("dynamic", 3, {"arousal_sd": "nan"}, r"line 4: arousal_sd must be a number"),
        ("raters", 1, {"stretch": "2"}, r"piece 12 must have a row for each of its 2 listeners and 2 stretches"),
        ("raters", 5, {"id": "20"}, r"piece 7 must have a row for each of its 3 listeners and 1 stretch.* has 2 rows"),
    ],
)
def test_bad_cells_are_named(tmp_path, table, row, cells, message):
    with pytest.raises(ValueError, match=message) as error:
        load_vgmidi(write(tmp_path, listeners=True, **{table: (row, cells)}), listeners=True)
    assert str(tmp_path / f"{table}.csv") in str(error.value)


def test_listeners_are_read_only_when_asked_for(tmp_path):
    assert len(load_vgmidi(write(tmp_path)).dynamic) == 3
    with pytest.raises(FileNotFoundError, match=r"raters\.csv"):
        load_vgmidi(tmp_path, listeners=True)
    with pytest.raises(TypeError, match="listeners must be True or False"):
        load_vgmidi(tmp_path, listeners=1)


@pytest.mark.data
def test_the_real_annotations():
    home = Path(os.environ.get("SKMER_DATA", "")) / "vgmidi"
    if not os.environ.get("SKMER_DATA") or not (home / "dynamic.csv").is_file():
        pytest.skip("the annotations of VGMIDI are not under $SKMER_DATA/vgmidi")
    songs = load_vgmidi(check_audio=False, listeners=(home / "raters.csv").is_file())
    assert np.unique(songs.target, return_counts=True)[1].tolist() == [35, 21, 13, 24]
    assert sum(len(ratings.mean) for ratings in songs.dynamic) == 4006
    assert {int(ratings.n_listeners) for ratings in songs.dynamic} == {29, 30, 31, 32}
    over_time = [ratings.mean.mean(axis=0) for ratings in songs.dynamic]
    np.testing.assert_allclose(over_time, np.column_stack([songs.valence, songs.arousal]), atol=1e-4)
    for ratings in songs.dynamic:
        if ratings.listeners is not None:
            np.testing.assert_allclose(ratings.listeners.mean(axis=0), ratings.mean, atol=1e-4)
            np.testing.assert_allclose(ratings.listeners.std(axis=0, ddof=1), ratings.deviation, atol=1e-4)
