"""Configurations reach the steps of a pipeline; impossible ones are errors that name the section."""

import json
import sys
from importlib.util import find_spec

import pytest
import torch

from skmer import make_joined_pipeline, make_sssl_pipeline
from skmer._pipeline_steps import leaf_steps
from skmer.models import SYSTEMS, make_pipeline_of, read_config
from skmer.models.checks import check_device, check_pipeline
from skmer.models.config import changed_parameters

CLASSES = ["Q1", "Q2", "Q3"]
WITHOUT_STATISTICS = ["segments", "sssl", "statistics", "scaler", "svm"]


def pipeline_of(system, config):
    pipeline = make_pipeline_of(system, read_config(config), device="cpu")
    check_pipeline(pipeline, CLASSES)
    return pipeline


def test_files_text_and_objects_say_the_same(tmp_path):
    config = {"segments": {"duration": 2}, "svm": {"C": 2, "gamma": "auto"}}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8-sig")
    assert read_config(json.dumps(config)) == read_config(tmp_path / "config.json") == read_config(config) == config


def test_sections_are_steps_and_entries_their_parameters():
    config = {"segments": {"duration": 5}, "statistics": {"statistics": ["mean"]}, "sssl": {"cv": 3}, "svm": {"C": 2}}
    pipeline = pipeline_of("sssl", config)
    assert list(pipeline.named_steps) == list(make_sssl_pipeline(backbone="mlp").named_steps)
    assert changed_parameters(pipeline) == {
        "segments": {"duration": 5, "harmony": True, "max_duration": 30.0},
        "segment_statistics": {},
        "sssl": {
            "backbone": "mlp", "backbone_params": {"hidden": [128]}, "cv": 3, "max_epochs": 20,
            "segment_step": 3, "warmup_epochs": 8,
        },
        "statistics": {"statistics": ["mean"]},
        "scaler": {},
        "svm": {"C": 2, "cv": None},
    }  # fmt: skip


def test_sections_of_joined_are_the_steps_of_its_parts():
    config = {
        "segments": {"duration": 5}, "statistics": {"statistics": ["mean"]}, "sssl": {"cv": 3},
        "descriptors": {"groups": ["rhythm"]}, "svm": {"C": 2},
    }  # fmt: skip
    changed = changed_parameters(pipeline_of("joined", config))
    expected = changed_parameters(pipeline_of("sssl", {name: config[name] for name in config if name != "descriptors"}))
    assert list(changed) == [*list(expected)[:4], "descriptors", "scaler", "svm"]
    assert changed.pop("descriptors") == {"groups": ["rhythm"], "max_duration": 30.0, "sr": 22528}
    # its network is cross-fitted, so that its SVM can be calibrated
    assert changed == expected | {"svm": {"C": 2}}


def test_joined_is_the_pipeline_of_its_function():
    one, other = (
        pipeline.get_params()
        for pipeline in (make_pipeline_of("joined", device="cpu", seed=0), make_joined_pipeline(random_state=0))
    )
    assert list(one) == list(other)
    plain = {name for name, value in one.items() if not isinstance(value, list) and not hasattr(value, "get_params")}
    # the SVM does not use its seed
    assert {name for name in plain if one[name] != other[name]} == {
        "features__network__sssl__device",
        "svm__random_state",
    }


def test_the_defaults_suit_the_device(monkeypatch):
    for system in ("sssl", "cross-entropy"):
        network = make_pipeline_of(system, device="cpu")["sssl"]
        assert (network.backbone, network.backbone_params, network.max_epochs) == ("mlp", {"hidden": [128]}, 20)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for system in ("sssl", "cross-entropy"):
        pipeline = make_pipeline_of(system)
        network = pipeline["sssl"]
        assert (network.backbone, network.backbone_params, network.max_epochs) == ("vgg16", None, 30)
        assert (list(pipeline.named_steps), pipeline["segments"].harmony) == (WITHOUT_STATISTICS, False)
    steps = dict(leaf_steps(make_pipeline_of("joined")))
    network = steps["sssl"]
    assert (network.backbone, network.backbone_params, network.max_epochs, network.cv) == ("vgg16", None, 30, 5)
    assert network.get_params() == {**make_pipeline_of("sssl")["sssl"].get_params(), "cv": 5}
    assert (list(steps)[:3], steps["segments"].harmony) == (WITHOUT_STATISTICS[:3], False)
    # our guards, not the paper's recipe
    assert make_pipeline_of("sssl")["sssl"].balance == "class"


def test_the_two_networks_differ_by_the_noise_model_alone(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for device in ("cpu", "cuda"):
        sssl, plain = (make_pipeline_of(system, device=device) for system in ("sssl", "cross-entropy"))
        assert plain["sssl"].noise_model is None
        differ = {
            name for name, value in sssl["sssl"].get_params().items() if plain["sssl"].get_params()[name] != value
        }
        assert differ == {"noise_model"}


@pytest.mark.parametrize(
    ("backbone", "params", "harmony"),
    [("small", {"width": 16}, False), ("vgg16", None, False), ("vgg16_bn", None, False),
     ("multi_branch", {"width": 16}, True)],
)  # fmt: skip
@pytest.mark.parametrize("system", ["sssl", "cross-entropy", "joined"])
def test_another_backbone_has_its_own_defaults(system, backbone, params, harmony):
    steps = dict(leaf_steps(pipeline_of(system, {"sssl": {"backbone": backbone}})))
    assert [name for name in steps if name != "descriptors"] == WITHOUT_STATISTICS
    assert (steps["sssl"].backbone_params, steps["segments"].harmony) == (params, harmony)
    assert steps["sssl"].batch_size == (32 if params else type(steps["sssl"])().batch_size)
    narrow = {"width": 2} if params else params
    own = pipeline_of(system, {"sssl": {"backbone": backbone, "backbone_params": narrow}})
    assert dict(leaf_steps(own))["sssl"].backbone_params == narrow


def test_statistics_of_segments_without_harmony():
    pipeline = pipeline_of("sssl", {"segments": {"harmony": False, "n_mels": 32}})
    assert "segment_statistics" in pipeline.named_steps
    assert pipeline["sssl"].backbone == "mlp"


@pytest.mark.parametrize("system", [name for name in SYSTEMS if name != "musicnn" or find_spec("musicnn")])
def test_every_system_has_the_seed_everywhere(system):
    pipeline = make_pipeline_of(system, seed=7)
    seeds = {key: value for key, value in pipeline.get_params().items() if key.endswith("random_state")}
    assert set(seeds.values()) == {7}
    assert "svm__random_state" in seeds


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "expected JSON such as"),
        ("[1]", r"no such file: \[1\]"),
        ("none.json", "no such file: none.json"),
        (".", ": . is a folder"),
        ('{"svm": 3}', "'svm' must be an object"),
        ('{"svm": {"C": 1, "C": 2}}', "'C' occurs twice"),
        ('{"svm": {}, "svm": {}}', "'svm' occurs twice"),
    ],
)
def test_texts_that_are_no_config(text, told):
    with pytest.raises((ValueError, FileNotFoundError), match=told):
        read_config(text)


def test_a_file_that_is_no_config(tmp_path):
    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(ValueError, match=r"list\.json: expected an object"):
        read_config(tmp_path / "list.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(ValueError, match="is not UTF-8 text"):
        read_config(tmp_path / "bytes.json")


@pytest.mark.parametrize(
    ("system", "config", "told"),
    [
        (
            "sssl",
            {"ssl": {}},
            "unknown section 'ssl'; the steps of this model are segments, segment_statistics, sssl, statistics, "
            "scaler, svm",
        ),
        ("sssl", {"segment_statistics": {"x": 1}}, "the section 'segment_statistics' has no parameters: remove 'x'"),
        (
            "sssl",
            {"segment_statistics": {}, "sssl": {"backbone": "small"}},
            "unknown section 'segment_statistics'; the steps of this model are segments, sssl,",
        ),
        ("descriptors", {"segments": {}}, "the steps of this model are descriptors, scaler, svm"),
        ("sssl", {"sssl": {"max_epoch": 3}}, "'sssl' has no parameter 'max_epoch'; it has average_epochs, backbone"),
        ("log-mel", {"statistics": {"x": 1}}, "has no parameters: remove 'x'"),
        ("sssl", {"sssl": {"random_state": 1}}, "a parameter of the run.*set the seed instead"),
        ("sssl", {"segments": {"memory": "x"}}, "'memory' of 'segments' is a parameter of the run"),
        ("sssl", {"sssl": {"callbacks": ["x"]}}, "no parameter 'callbacks'"),
        ("sssl", {"sssl": {"max_epochs": 2.5}}, "section 'sssl': The 'max_epochs' parameter .* Got 2.5"),
        ("sssl", {"sssl": {"max_epochs": 8}}, "leaves no epoch after warmup_epochs=8"),
        ("sssl", {"sssl": {"backbone": "vgg"}}, "section 'sssl': backbone='vgg' is unknown"),
        ("sssl", {"sssl": {"backbone": ["mlp"]}}, "section 'sssl': The 'backbone' parameter"),
        ("sssl", {"sssl": {"backbone_params": {"w": 1}}}, "section 'sssl': backbone_params={'w': 1} do not match"),
        (
            "sssl",
            {"segments": {"duration": 0.2}, "sssl": {"backbone": "small"}},
            "section 'sssl': backbone='small' requires spectrograms of at least",
        ),
        (
            "sssl",
            {"segments": {"harmony": False}, "sssl": {"backbone": "multi_branch"}},
            "section 'sssl': .*harmony",
        ),
        ("sssl", {"segments": {"duration": 40}}, "section 'segments': max_duration=30 s is shorter"),
        ("sssl", {"statistics": {"statistics": ["x"]}}, "section 'statistics': Unknown statistic 'x'"),
        ("sssl", {"svm": {"kernel": "rfb"}}, "section 'svm': The 'kernel' parameter"),
        ("sssl", {"svm": {"class_weight": {"Q9": 2}}}, "section 'svm': The classes"),
        (
            "descriptors",
            {"descriptors": {"groups": ["x"]}},
            "groups holds the unknown group 'x'",
        ),
        (
            "sssl",
            {"sssl": {"backbone_params": {"hidden": [10**18]}}},
            "section 'sssl': these parameters are impossible",
        ),
        ("sssl", {"segments": {"sr": 1e13}}, "section 'segments': duration=.* samples a segment"),
        (
            "joined",
            {"features": {}},
            "unknown section 'features'; the steps of this model are segments, segment_statistics, sssl, statistics, "
            "descriptors, scaler, svm",
        ),
        ("joined", {"descriptors": {"groups": ["x"]}}, "section 'descriptors': groups holds the unknown group 'x'"),
        ("joined", {"descriptors": {"memory": "x"}}, "'memory' of 'descriptors' is a parameter of the run"),
        ("joined", {"descriptors": {"hop": 1}}, "the section 'descriptors' has no parameter 'hop'; it has groups"),
        ("joined", {"sssl": {"backbone": ["mlp"]}}, "section 'sssl': The 'backbone' parameter"),
        ("joined", {"sssl": {"max_epochs": 8}}, "section 'sssl': max_epochs=8 leaves no epoch"),
        ("joined", {"segments": {"duration": 40}}, "section 'segments': max_duration=30 s is shorter"),
        ("joined", {"svm": {"kernel": "rfb"}}, "section 'svm': The 'kernel' parameter"),
        ("svm", {}, "system='svm' is unknown: choose from sssl, cross-entropy, descriptors, log-mel"),
    ],
)
def test_what_cannot_be_is_refused_before_any_song_is_read(system, config, told):
    with pytest.raises(ValueError, match=told):
        pipeline_of(system, config)


def test_a_device_that_is_not_there():
    with pytest.raises(ValueError, match="device='gpu' is unknown"):
        make_pipeline_of("sssl", device="gpu")
    for device in ("meta", "mps:7"):
        with pytest.raises(ValueError, match=rf"device='{device}' cannot be used here \(.+\): use 'auto'"):
            check_device(device)
    check_device("cpu")


def test_without_a_config_none_is_blamed():
    with pytest.raises(ValueError, match=r"^step 'svm': "):
        check_pipeline(make_pipeline_of("log-mel"), ["Q1"], configured=False)


def test_musicnn_needs_its_package(monkeypatch):
    monkeypatch.setattr(sys.modules["skmer.embeddings.musicnn"], "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install --no-deps musicnn"):
        make_pipeline_of("musicnn")


@pytest.mark.skipif(find_spec("musicnn") is None, reason="the package musicnn is not installed")
def test_the_pipeline_of_musicnn():
    pipeline = make_pipeline_of("musicnn", {"embedding": {"hop": 1.5}, "svm": {"C": 2}}, device="cpu")
    assert list(pipeline.named_steps) == ["embedding", "scaler", "svm"]
    check_pipeline(pipeline, ["a", "b"])
    changed = changed_parameters(pipeline)
    assert changed["embedding"]["hop"] == 1.5
    assert changed["embedding"]["statistics"] == ["mean", "std"]
    assert repr(changed["embedding"]["embedding"]).startswith("musicnn('MSD'")
    assert changed["svm"] == {"C": 2}
    with pytest.raises(ValueError, match="section 'embedding' has no parameter 'width'; it has batch_size"):
        make_pipeline_of("musicnn", {"embedding": {"width": 2}})
