"""The other systems of Table 3: on the same segments and budget, and each what its name says."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.svm import SVC

from skmer.feature_extraction import DescriptorTransformer
from skmer.model_selection import EstimatorSystem
from skmer.reproduction import Settings, comparison_systems, run_table, table_3_systems, table_markdown
from skmer.reproduction.comparisons import DESCRIPTORS, EMBEDDING, SELF_LEARNING, STACK, TWO_STAGE
from skmer.reproduction.systems import ABLATION, CROSS_ENTROPY, SPECTROGRAM_SVM, SSSL
from skmer.sssl.classifier import SSSL_RECIPES
from tests.reproduction.tiny import N_SONGS, write_collection

SMALL = Settings(backbone="small", recipe=None, epochs=6, warmup_epochs=2, params={"batch_size": 16}, memory="cache")
TINY = {"backbone": "small", "epochs": 2, "warmup_epochs": 1, "params": {"backbone_params": {"width": 4}}}


class Loudness(torch.nn.Module):
    """Embeds a window by its level and its largest value."""

    def forward(self, x):
        return torch.stack([x.square().mean(1), x.abs().amax(1)], 1)


@pytest.fixture(scope="module")
def embedding(tmp_path_factory):
    path = tmp_path_factory.mktemp("network") / "loudness.pt"
    torch.jit.script(Loudness()).save(path)
    return {"embedding": str(path), "sr": 4000.0, "window": 0.25}


def test_the_rows_from_the_simplest_to_ours(embedding):
    stack = f"{STACK} (1, 3, 5 s)"
    others = [TWO_STAGE, CROSS_ENTROPY, ABLATION, SELF_LEARNING, SSSL, stack]
    assert list(comparison_systems(SMALL)) == [DESCRIPTORS, SPECTROGRAM_SVM, *others]
    with_embedding = comparison_systems(replace(SMALL, embedding=embedding))
    assert list(with_embedding) == [DESCRIPTORS, EMBEDDING, SPECTROGRAM_SVM, *others]


def test_they_differ_from_ours_in_what_their_name_says():
    systems = comparison_systems(SMALL)
    ours, learning = systems[SSSL].network.get_params(), systems[SELF_LEARNING].network.get_params()
    assert {name: learning[name] for name in ours if learning[name] != ours[name]} == SSSL_RECIPES["self-learning"]
    votes = {name: readout.kind for name, readout in systems[CROSS_ENTROPY].readouts.items()}
    assert votes == {
        "": "statistics", "mean probability": "mean", "majority vote": "majority", "longest run": "longest run"
    }  # fmt: skip
    two_stage = systems[TWO_STAGE].estimator
    assert two_stage[0].get_params() == systems[SSSL].segments.get_params()
    assert (two_stage[1].max_epochs, two_stage[1].batch_size) == (6, 16)
    stack = systems[f"{STACK} (1, 3, 5 s)"].estimator
    for _, part in stack["durations"].transformer_list:
        assert part["sssl"].get_params() == ours
    assert stack["segments"].max_duration == systems[DESCRIPTORS].estimator[0].max_duration == 30.0


def test_a_frozen_network_of_other_contents_is_another_system(embedding, tmp_path):
    path = tmp_path / "network.pt"
    settings = replace(SMALL, embedding={**embedding, "embedding": str(path)})
    parts = []
    for contents in (b"one", b"other", b"one"):
        path.write_bytes(contents)
        parts.append(str(comparison_systems(settings)[EMBEDDING].parts))
    assert parts[0] == parts[2] != parts[1]


def test_only_a_first_step_that_learns_nothing_may_see_all_songs(monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(DescriptorTransformer, "transform", lambda self, X: seen.append((self.n_jobs, list(X))))
    comparison_systems(SMALL)[DESCRIPTORS].prepare(["a", "b"], n_jobs=2)
    comparison_systems(replace(SMALL, memory=None))[DESCRIPTORS].prepare(["a", "b"], n_jobs=2)
    EstimatorSystem(SVC()).prepare(["a", "b"])
    assert seen == [(2, ["a", "b"])]


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_all_systems_stand_in_one_table(tmp_path, embedding):
    home, _ = write_collection("emopia", tmp_path)
    settings = Settings(
        **TINY, duration=1.0, max_duration=2.0, device="cpu", memory=str(tmp_path / "cache"), embedding=embedding,
        stack=(1, 2),
    )  # fmt: skip
    table = run_table(
        "table3", "emopia", settings, data_home=home, tasks=["quadrant"], systems=["all"], n_splits=2,
        store=tmp_path / "folds",
    )  # fmt: skip
    rows = table["experiments"]["quadrant"]["rows"]
    names = list(dict.fromkeys(row["name"] for row in rows))
    for name in comparison_systems(settings):
        assert sum(row["n_test"] for row in rows if row["name"] == name) == N_SONGS
    # the dummy, the systems, four means and two votes; theta belongs to the ablations
    assert len(names) == 1 + 9 + 4 + 2
    text = table_markdown(table)
    assert "deep embedding loudness.pt (windows of 0.25 s at 4000 Hz)" in text
    assert "Nadeau and Bengio's paired t-test" in text
    # where the file lies stands nowhere
    assert str(Path(embedding["embedding"]).parent) not in json.dumps(table)
    assert table["settings"]["embedding"]["embedding"] == "loudness.pt"
    # asked for by its file, it stands in the short table too
    short = run_table(
        "table3", "emopia", settings, data_home=home, tasks=["quadrant"], n_splits=2, store=tmp_path / "folds"
    )
    found = {row["name"] for row in short["experiments"]["quadrant"]["rows"]}
    assert {EMBEDDING, *table_3_systems(settings)} <= found
    assert TWO_STAGE not in found
    assert np.isfinite([row["seconds"] for row in rows]).all()
