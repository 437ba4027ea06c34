"""The figures with which the reproduction page argues how the paper is to be read."""

import os
from collections import Counter
from pathlib import Path

import pytest

from skmer.datasets import load_pmemo
from skmer.model_selection import emotion_scores

pytestmark = pytest.mark.data


@pytest.fixture
def home():
    for folder in ("PMEmo2019", "metadata/PMEmo2019"):
        path = Path(os.environ.get("SKMER_DATA", "no-such-folder"), folder)
        if path.is_dir():
            return path
    pytest.skip("the PMEmo annotations are not under $SKMER_DATA/PMEmo2019")


def test_most_songs_of_pmemo_share_their_artist(home):
    artists = Counter(load_pmemo(home, check_audio=False).groups)
    assert sum(n for n in artists.values() if n > 1) == 525


@pytest.mark.parametrize(("task", "accuracy", "f1"), [("valence", 0.733, 0.846), ("arousal", 0.754, 0.859)])
def test_without_learning_pmemo_split_at_the_middle_of_its_scale_has_a_large_f1(home, task, accuracy, f1):
    y = load_pmemo(home, task=task, threshold=0.5, check_audio=False).target.tolist()
    scores = emotion_scores(y, ["high"] * len(y))
    assert round(scores["accuracy"], 3) == accuracy
    assert round(scores["F1"], 3) == f1


def test_pmemos_choruses_are_shorter_than_the_paper_says(home):
    assert load_pmemo(home, check_audio=False).durations.mean() == pytest.approx(38.9, abs=0.05)
