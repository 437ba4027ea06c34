"""The systems of the tables: each differs from the paper's in what its name says, and in nothing else."""

import json

import numpy as np
import pytest
import torch
from sklearn.svm import SVC

from skmer.feature_extraction import DescriptorTransformer
from skmer.model_selection import EstimatorSystem, NetworkSystem, Readout
from skmer.reproduction import Settings
from skmer.reproduction.systems import (
    ABLATION,
    CROSS_ENTROPY,
    DESCRIPTORS,
    EMBEDDING,
    SELF_LEARNING,
    SPECTROGRAM_SVM,
    SSSL,
    STACK,
    TWO_STAGE,
    build_systems,
    row_names,
)
from skmer.sssl.recipes import SSSL_RECIPES

SMALL = Settings(backbone="small", epochs=6, warmup_epochs=2, params={"lr": 0.01, "batch_size": 16})


def differing(one, other):
    """Parameters that two networks do not share."""
    one, other = one.network.get_params(), other.network.get_params()
    return {name: one[name] for name in one if one[name] != other[name]}


def test_table_3_has_the_papers_systems():
    systems = build_systems("table3", SMALL)
    assert list(systems) == [SPECTROGRAM_SVM, CROSS_ENTROPY, ABLATION, SSSL]
    assert isinstance(systems[SPECTROGRAM_SVM], EstimatorSystem)
    assert differing(systems[ABLATION], systems[SSSL]) == {"lambda_kl": 0.0}
    assert differing(systems[CROSS_ENTROPY], systems[SSSL]) == {"noise_model": None}
    assert len({id(s.network) for s in systems.values() if isinstance(s, NetworkSystem)}) == 3


def test_settings_reach_the_network_and_the_segments():
    system = build_systems("table3", SMALL)[SSSL]
    params = system.network.get_params()
    assert (params["backbone"], params["max_epochs"], params["warmup_epochs"], params["lr"]) == ("small", 6, 2, 0.01)
    assert (params["kl_rows"], params["cv"]) == ("raw", "insample")  # as printed
    assert Settings(recipe=None).network().kl_rows != "raw"
    assert (system.segments.duration, system.segments.max_duration, system.segments.padding) == (3.0, 30.0, None)
    steps = build_systems("table3", SMALL)[SPECTROGRAM_SVM].estimator
    assert steps[0].get_params() == system.segments.get_params()


def test_all_systems_that_the_paper_names():
    systems = build_systems("table3", SMALL, ["all"])
    stack = f"{STACK} (1, 3, 5 s)"
    assert list(systems) == [
        DESCRIPTORS, SPECTROGRAM_SVM, TWO_STAGE, CROSS_ENTROPY, ABLATION, SELF_LEARNING, SSSL, stack
    ]  # fmt: skip
    ours, learning = systems[SSSL].network.get_params(), systems[SELF_LEARNING].network.get_params()
    assert {name: learning[name] for name in SSSL_RECIPES["self-learning"]} == SSSL_RECIPES["self-learning"]
    assert {name for name in ours if learning[name] != ours[name]} <= SSSL_RECIPES["self-learning"].keys()
    two_stage = systems[TWO_STAGE].estimator
    assert two_stage[0].get_params() == systems[SSSL].segments.get_params()
    assert (two_stage[1].max_epochs, two_stage[1].batch_size) == (6, 16)
    for _, part in systems[stack].estimator["durations"].transformer_list:
        assert part["sssl"].get_params() == ours
    assert systems[stack].estimator["segments"].max_duration == systems[DESCRIPTORS].estimator[0].max_duration == 30.0


def test_systems_are_chosen_by_how_their_names_begin():
    assert list(build_systems("table3", SMALL, ["log", "Proposed ("])) == [SPECTROGRAM_SVM, SSSL]
    assert list(build_systems("table2", SMALL, durations=[0.5, 1])) == ["0.5 s", "1 s"]
    assert build_systems("table2", SMALL, ["1"], durations=[0.5, 1])["1 s"].segments.duration == 1
    with pytest.raises(
        ValueError, match=r"No system has a name that begins with 'SVM'. The names are: descriptors \+ SVM; "
    ):
        build_systems("table3", SMALL, ["SVM"])


def test_the_ablations_add_to_table_3_and_share_its_finished_folds():
    ablations, table = build_systems("ablations", SMALL), build_systems("table3", SMALL)
    assert list(ablations)[:4] == list(table)
    for name in list(table)[1:]:
        assert differing(ablations[name], table[name]) == {}
        assert ablations[name].readouts == table[name].readouts
    for padding in ("zero", "circular"):
        system = ablations[f'padding="{padding}"']
        assert differing(system, table[SSSL]) == {}
        assert system.segments.padding == padding
        assert list(system.readouts) == [""]
    whole = ablations["whole clip as one segment"]
    assert (whole.segments.duration, whole.segments.max_duration, whole.segments.padding) == (30.0, 30.0, "circular")
    params = whole.network.get_params()
    assert (params["max_epochs"], params["warmup_epochs"], params["batch_size"]) == (24, 8, 4)
    small = build_systems("ablations", Settings(params={"batch_size": 2}), ["whole"])
    assert small["whole clip as one segment"].network.batch_size == 1


def test_readouts_of_the_segments():
    systems = build_systems("table3", SMALL)
    readouts = systems[SSSL].readouts
    assert list(readouts) == ["", "mean probability", "theta = 0.3", "theta = 0.7"]
    assert readouts[""] == Readout()
    assert readouts["mean probability"].kind == "mean"
    assert [readouts[f"theta = {theta}"].share_threshold for theta in (0.3, 0.7)] == [0.3, 0.7]
    votes = {name: readout.kind for name, readout in systems[CROSS_ENTROPY].readouts.items()}
    assert votes == {
        "": "statistics", "mean probability": "mean", "majority vote": "majority", "longest run": "longest run"
    }  # fmt: skip
    assert row_names({SPECTROGRAM_SVM: systems[SPECTROGRAM_SVM], ABLATION: systems[ABLATION]}) == [
        SPECTROGRAM_SVM, ABLATION, f"{ABLATION}, mean probability"
    ]  # fmt: skip


def test_cross_fitting_is_added_where_asked_and_where_it_can_be_read():
    systems = build_systems("ablations", Settings(backbone="small", cross_fit=3))
    for name in (CROSS_ENTROPY, ABLATION, SSSL):
        assert systems[name].network.cv == 3
        assert systems[name].readouts["cross-fitted"].cross_fitted
    for name in list(systems)[4:]:
        assert systems[name].network.cv == "insample"
    # five parts: three trainings on two thirds, and one on all
    assert systems[SSSL].cost > 2 * build_systems("table3", Settings(backbone="small"))[SSSL].cost


def test_settings_survive_json_without_the_folder_of_the_cache():
    for settings in (Settings(), SMALL, Settings(recipe=None, max_duration=None, memory="cache")):
        plain = settings.to_dict()
        assert json.loads(json.dumps(plain)) == plain
        assert "memory" not in plain
        assert Settings(**plain).to_dict() == plain


@pytest.fixture(scope="module")
def embedding(tmp_path_factory):
    class Loudness(torch.nn.Module):
        """Embeds a window by its level and its largest value."""

        def forward(self, x):
            return torch.stack([x.square().mean(1), x.abs().amax(1)], 1)

    path = tmp_path_factory.mktemp("network") / "loudness.pt"
    torch.jit.trace(Loudness(), torch.zeros(1, 1000)).save(path)
    return {"embedding": str(path), "sr": 4000.0, "window": 0.25}


def test_an_embedding_is_named_by_its_file_and_contents(embedding, tmp_path):
    systems = build_systems("table3", Settings(embedding=embedding))
    assert next(iter(systems)) == EMBEDDING
    assert len(build_systems("table3", Settings(embedding=embedding), ["all"])) == 9
    found = []
    for folder, contents in [("a", b"one"), ("b", b"one"), ("c", b"two")]:
        path = tmp_path / folder / "net.pt"
        path.parent.mkdir()
        path.write_bytes(contents)
        found.append(Settings(embedding={**embedding, "embedding": str(path)}).to_dict()["embedding"])
    assert found[0] == found[1] != found[2]
    digest = "7692c3ad3540bb80"  # of the bytes "one"
    assert found[0] == {"embedding": "net.pt", "sr": 4000.0, "window": 0.25, "digest": digest}


def test_only_a_first_step_that_learns_nothing_may_see_all_songs(monkeypatch):
    seen = []
    monkeypatch.setattr(DescriptorTransformer, "transform", lambda self, X: seen.append((self.n_jobs, list(X))))
    for memory in ("cache", None):
        build_systems("table3", Settings(memory=memory), ["descr"])[DESCRIPTORS].prepare(["a", "b"], n_jobs=2)
    EstimatorSystem(SVC()).prepare(["a", "b"])
    assert seen == [(2, ["a", "b"])]


def test_an_embedding_is_computed_in_a_pipeline(embedding):
    estimator = build_systems("table3", Settings(embedding=embedding, device="cpu"))[EMBEDDING].estimator
    songs = [level * np.random.default_rng(n).normal(size=4000) for n, level in enumerate([0.01, 0.2] * 3)]
    assert estimator.fit(songs, ["soft", "loud"] * 3).score(songs, ["soft", "loud"] * 3) == 1
