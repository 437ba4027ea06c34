"""The systems of the tables: each differs from the paper's in what its name says, and in nothing else."""

import json

import pytest

from skmer.model_selection import EstimatorSystem, NetworkSystem, Readout
from skmer.reproduction import Settings, ablation_systems, table_3_systems
from skmer.reproduction.systems import ABLATION, CROSS_ENTROPY, SPECTROGRAM_SVM, SSSL

SMALL = Settings(backbone="small", epochs=6, warmup_epochs=2, params={"lr": 0.01})


def differing(one, other):
    """Parameters that two networks do not share."""
    one, other = one.network.get_params(), other.network.get_params()
    return {name: one[name] for name in one if one[name] != other[name]}


def test_table_3_has_the_papers_systems():
    systems = table_3_systems(SMALL)
    assert list(systems) == [SPECTROGRAM_SVM, CROSS_ENTROPY, ABLATION, SSSL]
    assert isinstance(systems[SPECTROGRAM_SVM], EstimatorSystem)
    assert differing(systems[ABLATION], systems[SSSL]) == {"lambda_kl": 0.0}
    assert differing(systems[CROSS_ENTROPY], systems[SSSL]) == {"noise_model": None}


def test_settings_reach_the_network_and_the_segments():
    system = table_3_systems(SMALL)[SSSL]
    params = system.network.get_params()
    assert (params["backbone"], params["max_epochs"], params["warmup_epochs"], params["lr"]) == ("small", 6, 2, 0.01)
    assert (params["kl_rows"], params["cv"]) == ("raw", "insample")  # as printed
    assert (system.segments.duration, system.segments.max_duration, system.segments.padding) == (3.0, 30.0, None)
    steps = table_3_systems(SMALL)[SPECTROGRAM_SVM].estimator
    assert steps[0].get_params() == system.segments.get_params()


def test_our_defaults_are_no_recipe():
    own = Settings(backbone="small", recipe=None).network().get_params()
    assert own["kl_rows"] != "raw"


def test_the_ablations_add_to_table_3_and_share_its_finished_folds():
    ablations, table = ablation_systems(SMALL), table_3_systems(SMALL)
    assert list(ablations)[:4] == list(table)
    for name in list(table)[1:]:
        assert differing(ablations[name], table[name]) == {}
        assert ablations[name].readouts == table[name].readouts
    for padding in ("zero", "circular"):
        system = ablations[f'padding="{padding}"']
        assert differing(system, table[SSSL]) == {}
        assert system.segments.padding == padding
        assert list(system.readouts) == [""]


def test_a_song_as_one_segment():
    whole = ablation_systems(SMALL)["whole clip as one segment"]
    assert (whole.segments.duration, whole.segments.max_duration, whole.segments.padding) == (30.0, 30.0, "circular")
    params = whole.network.get_params()
    assert (params["max_epochs"], params["warmup_epochs"], params["batch_size"]) == (24, 8, 16)
    whole = ablation_systems(Settings(params={"batch_size": 2}))["whole clip as one segment"]
    assert whole.network.batch_size == 1


def test_readouts_of_the_segments():
    readouts = table_3_systems(SMALL)[SSSL].readouts
    assert list(readouts) == ["", "mean probability", "theta = 0.3", "theta = 0.7"]
    assert readouts[""] == Readout()
    assert readouts["mean probability"].kind == "mean"
    assert [readouts[f"theta = {theta}"].share_threshold for theta in (0.3, 0.7)] == [0.3, 0.7]


def test_cross_fitting_is_added_where_asked_and_where_it_can_be_read():
    settings = Settings(backbone="small", cross_fit=3)
    systems = ablation_systems(settings)
    for name in (CROSS_ENTROPY, ABLATION, SSSL):
        assert systems[name].network.cv == 3
        assert systems[name].readouts["cross-fitted"].cross_fitted
    for name in list(systems)[4:]:
        assert systems[name].network.cv == "insample"
    # five parts: three trainings on two thirds, and one on all
    assert systems[SSSL].cost > 2 * table_3_systems(Settings(backbone="small"))[SSSL].cost


@pytest.mark.parametrize("settings", [Settings(), SMALL, Settings(recipe=None, max_duration=None, memory="cache")])
def test_settings_survive_json_without_the_folder_of_the_cache(settings):
    plain = settings.to_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert "memory" not in plain
    assert Settings(**plain).to_dict() == plain


def test_settings_name_the_file_of_an_embedding_and_not_its_folder(tmp_path):
    found = []
    for folder, contents in [("a", b"one"), ("b", b"one"), ("c", b"two")]:
        path = tmp_path / folder / "net.pt"
        path.parent.mkdir()
        path.write_bytes(contents)
        settings = Settings(embedding={"embedding": str(path), "sr": 4000.0, "window": 0.25})
        found.append(settings.to_dict())
        assert settings.embedding["embedding"] == str(path)
    assert found[0] == found[1] != found[2]
    digest = "7692c3ad3540bb80"  # of the bytes "one"
    assert found[0]["embedding"] == {"embedding": "net.pt", "sr": 4000.0, "window": 0.25, "digest": digest}
    assert json.loads(json.dumps(found[0])) == found[0]


def test_networks_are_not_shared_between_systems():
    systems = table_3_systems(SMALL)
    assert len({id(s.network) for s in systems.values() if isinstance(s, NetworkSystem)}) == 3
