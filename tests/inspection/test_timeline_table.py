"""Songs on a regular grid, and the table of many songs."""

import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from skmer import DescriptorTransformer
from skmer.inspection import SongEmotion, SongRatings, timeline_table
from tests.tiny_model import SR, tiny_pipeline, tiny_rating_pipeline, tiny_songs


def emotion(starts, length, first):
    """Two classes, the first with these probabilities."""
    starts, first = np.asarray(starts, dtype=float), np.asarray(first, dtype=float)
    return SongEmotion("x", np.array(["x", "y"]), starts, starts + length, np.column_stack([first, 1 - first]))


def test_a_cell_is_the_mean_of_its_segments_by_overlap():
    # [0, 3) has 0.75, [1, 4) has 0.75, [2, 5) has 0
    song = emotion([0, 1, 2], 3, [0.75, 0.75, 0]).every(2)
    assert (song.starts.tolist(), song.ends.tolist()) == ([0, 2, 4], [2, 4, 5])
    # 2-4: 1 s of the first, 2 s of the second, 2 s of the third
    assert song.probabilities[:, 0] == pytest.approx([0.75, 0.75 * 3 / 5, 0])
    assert song.label == "x"


def test_a_grid_of_the_segments_themselves_changes_nothing():
    song = emotion([0, 1, 2, 3], 1, [0.1, 0.7, 0.4, 1])
    np.testing.assert_allclose(song.every(1).probabilities, song.probabilities)
    assert song.every(1).stretches() == song.stretches() == [(0, 1, "y"), (1, 2, "x"), (2, 3, "y"), (3, 4, "x")]


def test_cells_of_a_second_are_the_seconds():
    song = emotion(np.arange(9) * 0.5, 3, np.linspace(0, 1, 9))
    np.testing.assert_array_equal(song.every(1).probabilities, song.second_probabilities)
    np.testing.assert_array_equal(song.every(1).ends, song.second_ends)


def test_a_fine_grid_is_exact_although_a_tenth_is_no_binary_number():
    song = emotion(np.arange(3) * 0.3, 0.3, [0, 1, 0.5])
    grid = song.every(0.1)
    assert len(grid.starts) == 9
    np.testing.assert_allclose(grid.probabilities[:, 0], np.repeat([0, 1, 0.5], 3), atol=1e-6)
    np.testing.assert_allclose(grid.ends, np.arange(1, 10) / 10)


def test_a_cell_longer_than_the_song_is_its_mean():
    song = emotion([0, 1, 2], 3, [0.75, 0.75, 0]).every(60)
    assert (song.starts.tolist(), song.ends.tolist()) == ([0], [5])
    assert song.probabilities[0, 0] == pytest.approx(0.5)


def test_a_cell_without_a_segment_is_nan_and_ends_no_stretch():
    song = emotion([0, 3], 1, [0.9, 0.2]).every(1)
    assert np.isnan(song.probabilities[:, 0]).tolist() == [False, True, True, False]
    assert song.stretches() == [(0, 2, "x"), (2, 4, "y")]


def test_stretches_of_a_grid_change_at_the_edges_of_cells():
    # the last cell is short: half-way between the centres would be 1.75
    assert emotion([0, 2], 2, [1, 0]).every(1.9).stretches() == [(0, 1.9, "x"), (1.9, 4, "y")]


def test_ratings_on_a_grid():
    song = SongRatings({"v": 3.0}, ["v"], np.array([0.0, 1.0]), np.array([2.0, 3.0]), np.array([[2.0], [4.0]])).every(
        1.5
    )
    assert song.values[:, 0] == pytest.approx([2.5, 3.5])  # 1.5 s and 0.5 s; 0.5 s and 1.5 s
    assert (song.ratings, song.times.tolist()) == ({"v": 3.0}, [0.75, 2.25])


def test_a_song_without_segments_has_no_cells():
    none = np.empty(0)
    song = SongRatings({"v": 3.0}, ["v"], none, none, np.empty((0, 1)))
    assert song.every(1) is song


@pytest.mark.parametrize("seconds", [0, -1, 0.0005, np.nan, np.inf, "1", True, None])
def test_wrong_lengths_of_cells(seconds):
    with pytest.raises(ValueError, match=r"seconds must be a number of at least 0\.001, got"):
        emotion([0], 1, [1]).every(seconds)


# The table


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs")
    for name, y in zip("ab", tiny_songs().data, strict=False):
        soundfile.write(folder / f"{name}.wav", y, SR, subtype="FLOAT")
    return folder


def test_the_table_has_the_probabilities_of_each_segment(folder):
    table = timeline_table(tiny_pipeline(), folder)
    files = [str(folder / "a.wav"), str(folder / "b.wav")]
    assert list(table.columns) == ["Q1", "Q2", "Q3", "Q4"]
    np.testing.assert_allclose(table, np.concatenate(list(tiny_pipeline()[:2].transform(files))), atol=1e-6)
    assert list(table.index.names) == ["file", "start", "end"]
    assert table.index[6] == (files[1], pd.Timedelta(seconds=1), pd.Timedelta(seconds=2))
    assert [str(level.dtype) for level in table.index.levels] == ["string", "timedelta64[ns]", "timedelta64[ns]"]
    assert len(table.loc[files[0]]) == 5


def test_the_table_of_ratings_on_a_grid(folder):
    song = str(folder / "b.wav")
    table = timeline_table(tiny_rating_pipeline(), song, every=2, n_jobs=2)
    assert list(table.columns) == ["valence", "arousal"]
    assert [edge.total_seconds() for edge in table.index.get_level_values("end")] == [2, 4, 5]
    # segments of a second, twice a second: 0, 0.5 and 1 lie in the first cell, half of that at 1.5
    rows = tiny_rating_pipeline().transform([song])[0]
    np.testing.assert_allclose(table.iloc[0], (rows[:3].sum(axis=0) + rows[3] / 2) / 3.5, atol=1e-6)


def test_the_index_is_that_of_audformat(folder):
    audformat = pytest.importorskip("audformat", reason="needs audformat")
    table = timeline_table(tiny_pipeline(), folder, every=0.7)
    assert audformat.is_segmented_index(table.index)
    audformat.assert_index(table.index)


def test_columns_without_pandas(folder, monkeypatch):
    frame = timeline_table(tiny_pipeline(), folder, every=2)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "pandas", None)
        with pytest.raises(ImportError, match=r"pip install pandas.*as_frame=False"):
            timeline_table(tiny_pipeline(), folder)
    columns = timeline_table(tiny_pipeline(), folder, every=2, as_frame=False)
    assert list(columns) == ["file", "start", "end", "Q1", "Q2", "Q3", "Q4"]
    assert columns["start"].tolist() == [0, 2, 4] * 2
    assert columns["file"] == frame.index.get_level_values("file").tolist()
    np.testing.assert_array_equal(columns["Q3"], frame["Q3"])


def test_what_is_left_out_is_warned_of(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    soundfile.write(tmp_path / "silent.wav", np.zeros(2 * SR), SR)
    songs = [tmp_path / "empty", folder / "a.wav", "none.wav", tmp_path / "silent.wav"]
    with pytest.warns(UserWarning, match="no audio file") as caught:
        table = timeline_table(tiny_pipeline(), songs)
    said = [str(warning.message) for warning in caught]
    assert [name in text for text, name in zip(said, ["empty", "none.wav", "silent.wav"], strict=True)] == [True] * 3
    assert all(word in text for text, word in zip(said, ["no audio file", "no such file", "silence"], strict=True))
    assert {warning.filename for warning in caught} == {__file__}
    assert table.index.unique("file").tolist() == [str(folder / "a.wav"), str(tmp_path / "silent.wav")]


def test_a_table_of_no_songs_is_empty():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = timeline_table(tiny_pipeline(), [])
    assert (table.shape, list(table.index.names)) == ((0, 4), ["file", "start", "end"])


def test_wrong_arguments(folder):
    whole = make_pipeline(DescriptorTransformer(sr=SR, groups=["dynamics"]), SVC())
    with pytest.raises(ValueError, match="no SegmentTransformer"):
        timeline_table(whole.fit(tiny_songs().data, tiny_songs().target), folder)
    with pytest.raises(ValueError, match="every must be a number"):
        timeline_table(tiny_pipeline(), folder, every=0)
