"""Table 1: counts by hand, and the very counts of the segments that are really cut."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from skmer import AudioError, SegmentTransformer
from skmer.reproduction import run_counts
from skmer.reproduction.counts import count_segments, counts_markdown
from skmer.reproduction.published import TABLE_1
from tests.reproduction.tiny import N_SONGS, SR, write_collection, write_song


@pytest.mark.parametrize(
    ("seconds", "duration", "max_duration", "n"),
    [
        (30.0, 1, 30, 30),
        (30.0, 5, 30, 26),
        (29.999, 5, 30, 25),
        (30.001, 5, 30, 26),
        (45.0, 3, 30, 28),
        (45.0, 3, None, 43),
        (3.0, 3, 30, 1),
        (2.999, 3, 30, 0),
        (0.2, 3, 30, 0),  # never below none
        (2.0, 0.5, 2, 2),
        (1.5, 0.5, 2, 2),
        (4.1, 1.1, None, 4),  # 4.1 - 1.1 is slightly less than 3
        (4.0, 3, 2, 0),
    ],
)
def test_counts_by_hand(seconds, duration, max_duration, n):
    assert count_segments([seconds], duration, max_duration).tolist() == [n]


def test_a_full_clip_loses_one_segment_a_second():
    assert [int(count_segments([30.0], d)[0]) for d in (1, 2, 3, 4, 5)] == [30, 29, 28, 27, 26]


SAMPLES = [SR * 2, SR * 2 - 1, SR * 2 + 1, SR, SR - 1, SR + 1, SR * 3, 13001, 12000, 11999, 9000, 15999]


@pytest.mark.parametrize(("rate", "format"), [(11025, "FLAC"), (8000, "MP3")])
def test_the_counts_are_those_of_the_segments(tmp_path, rate, format):
    home, paths = write_collection("pmemo", tmp_path)
    for path, n in zip(paths, SAMPLES, strict=True):
        y = 0.1 * np.random.default_rng(n).standard_normal(round(n * rate / SR))
        soundfile.write(path, y, rate, format=format)
    durations = [0.3, 0.5, 0.7]
    table = run_counts("pmemo", home, durations, max_duration=2)
    assert table["n_songs"] == N_SONGS
    for duration in durations:
        songs = SegmentTransformer(duration=duration, max_duration=2).transform([str(path) for path in paths])
        whole = SegmentTransformer(duration=duration).transform([str(path) for path in paths])
        found = table["counts"][f"{duration:g}"]
        assert found["segments"] == sum(map(len, songs))
        assert found["whole songs"] == sum(map(len, whole))
        assert found["if all were as long"] == N_SONGS * (2 if duration <= 1 else 1)
        assert found["too short"] == 0


def test_a_hair_less_than_a_segment_is_a_segment_where_resampling_makes_it_one(tmp_path):
    home, paths = write_collection("folder", tmp_path)
    rate = 44100
    soundfile.write(paths[0], np.full(rate - 1, 0.1), rate, format="WAV")  # ceil(44099 * 22528 / 44100) = 22528
    soundfile.write(paths[1], np.full(rate - 2, 0.1), rate, format="WAV")
    for path in paths[2:]:
        path.unlink()
    assert len(SegmentTransformer(duration=1).transform([str(paths[0])])[0]) == 1
    assert run_counts("folder", home, [1])["counts"]["1"]["too short"] == 1


def test_songs_that_are_too_short_are_counted_not_hidden(tmp_path):
    home, _ = write_collection("pmemo", tmp_path, seconds=[0.5, 1.5, 2.5] * 4)
    table = run_counts("pmemo", home, [1, 2], max_duration=2)
    assert table["counts"]["1"] == {"segments": 12, "whole songs": 12, "if all were as long": 24, "too short": 4}
    assert table["counts"]["2"] == {"segments": 4, "whole songs": 4, "if all were as long": 12, "too short": 8}
    assert (table["shorter"], table["mean_seconds"]) == (8, pytest.approx(1.5))
    assert table["lengths"] == {0: 4, 1: 4, 2: 4}
    # a cut that is shorter than the segment makes no song shorter
    table = run_counts("pmemo", home, [2], max_duration=1)
    assert table["counts"]["2"] == {"segments": 0, "whole songs": 4, "if all were as long": 0, "too short": 8}


def test_damaged_audio_is_named(tmp_path):
    home, paths = write_collection("emopia", tmp_path)
    paths[3].write_bytes(paths[3].read_bytes()[: paths[3].stat().st_size // 2])
    with pytest.raises(AudioError, match=rf"{paths[3].name}: .*truncated"):
        run_counts("emopia", home)


def test_durations_as_stated_need_no_audio(tmp_path):
    home, paths = write_collection("emopia", tmp_path)
    for path in paths:
        path.unlink()
    table = run_counts("emopia", home, [1, 2], from_metadata=True)
    assert [c["segments"] for c in table["counts"].values()] == [24, 12]
    assert table["source"] == "durations stated by the collection"
    with pytest.raises(FileNotFoundError, match="have no audio file"):
        run_counts("emopia", home)


def test_durations_that_no_table_states(tmp_path):
    home, _ = write_collection("4q", tmp_path)
    with pytest.raises(ValueError, match="contain no durations: count from the audio"):
        run_counts("4q", home, from_metadata=True)


def counts(dataset, durations, **changed):
    count = {"segments": 1, "whole songs": 2000, "if all were as long": 3, "too short": 4}
    table = {"dataset": dataset, "title": "T", "source": "s", "n_songs": 1000, "max_duration": 30.0, "shorter": 2}
    return {**table, "mean_seconds": 40.0, "counts": dict.fromkeys(durations, count), **changed}


def test_the_papers_counts_stand_beside_ours():
    lines = counts_markdown(counts("eim", ["1", "5"])).splitlines()
    assert lines[0] == (
        "T: 1,000 songs (the paper: 1,000), s: 40.0 s on average, 2 shorter than 30 s. "
        "Segments of the first 30 s, 1 s apart, without padding."
    )
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    assert cells[0] == ["segment", "segments", "whole songs", "if all had 30 s", "songs shorter", "paper", "difference"]
    assert cells[2] == ["1 s", "1", "2,000", "3", "4", "29,982", "-100.0 %"]
    assert cells[3][5] == "25,971"


def test_a_duration_that_the_paper_lacks():
    line = counts_markdown(counts("pmemo", ["12", "3"])).splitlines()
    assert [cell.strip() for cell in line[4].strip("|").split("|")][5:] == ["", ""]
    assert "21,411" in line[5]


def test_a_collection_that_the_paper_lacks_has_no_empty_columns():
    text = counts_markdown(counts("emopia", ["1"], unit="clip"))
    assert "paper" not in text
    assert "T: 1,000 clips, s" in text
    assert "clips shorter" in text


def test_mean_of_a_table_by_hand(tmp_path):
    home, paths = write_collection("pmemo", tmp_path)
    write_song(paths[0], 0, seconds=8)
    assert run_counts("pmemo", home)["mean_seconds"] == pytest.approx(2.5)


@pytest.mark.data
def test_the_stated_durations_of_pmemo():
    home = Path(os.environ.get("SKMER_DATA", "")) / "metadata" / "PMEmo2019"
    if not os.environ.get("SKMER_DATA") or not home.is_dir():
        pytest.skip("the PMEmo annotations are not under $SKMER_DATA/metadata/PMEmo2019")
    table = run_counts("pmemo", home, from_metadata=True)
    assert [c["segments"] for c in table["counts"].values()] == [21821, 21054, 20287, 19520, 18753]
    assert (table["n_songs"], table["shorter"]) == (767, 203)
    assert all(c["too short"] == 0 for c in table["counts"].values())
    text = counts_markdown(table)
    # 4.9 to 5.6 percent fewer than the paper, 0.3 percent more if all clips had 30 s
    assert all(f"-{difference} %" in text for difference in (4.9, 5.1, 5.2, 5.4, 5.6))
    assert table["counts"]["1"]["if all were as long"] / TABLE_1["pmemo"]["n_segments"][0] == pytest.approx(
        1.003, abs=5e-4
    )
