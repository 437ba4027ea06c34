"""The classes that are recognised, and what the others are taken for, by hand."""

from types import SimpleNamespace

import numpy as np

from skmer.datasets import make_songs
from skmer.models import card_markdown, train_model
from skmer.models.confusion import confusion_of


def test_counts_and_shares_by_hand():
    y = np.array(["a|b", "c", "c", "d", "c"])
    folds = [(None, np.array([0, 1, 2])), (None, np.array([3, 4]))]
    logits = np.eye(3)
    rows = [
        {"name": "x", "inner": None, "fold": 0, "classes": ["a|b", "c", "d"], "logits": logits[[0, 1, 0]]},
        # the class d is none of the training songs of this fold
        {"name": "x", "inner": None, "fold": 1, "classes": ["a|b", "c"], "logits": logits[[1, 1], :2]},
        {"name": "x", "inner": 0, "fold": 0, "classes": ["c"], "logits": np.ones((3, 1))},
        {"name": "other", "inner": None, "fold": 0, "classes": ["c"], "logits": np.ones((3, 1))},
    ]
    found = confusion_of(SimpleNamespace(rows=rows), "x", y, folds)
    assert found["classes"] == ["a|b", "c", "d"]
    assert found["counts"] == [[1, 0, 0], [1, 2, 0], [0, 1, 0]]
    lines = [[cell.strip() for cell in line.split(" | ")] for line in found["table"].splitlines()[2:]]
    assert lines == [
        ["| a\\|b", "1", "100%", "50%", "– |"],
        ["| c", "3", "67%", "67%", "a\\|b (1) |"],
        ["| d", "1", "0%", "–", "c (1) |"],
    ]


def test_the_card_has_the_table_and_counts_every_song():
    songs, said = make_songs(16, duration=4, random_state=0), []
    trained = train_model(songs, "log-mel", n_splits=2, say=said.append)
    found = trained.card["estimate"]["confusion"]
    assert np.sum(found["counts"]) == 16
    assert np.sum(found["counts"], axis=1).tolist() == [4, 4, 4, 4]
    assert found["table"] in card_markdown(trained.card)
    assert any(found["table"] in line for line in said)
