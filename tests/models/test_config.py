"""Configurations reach the steps of a pipeline; impossible ones are errors that name the section."""

import json

import pytest
import torch

from skmer import make_sssl_pipeline
from skmer.models import SYSTEMS, make_pipeline_of, read_config
from skmer.models.config import changed_parameters, check_device, check_pipeline

CLASSES = ["Q1", "Q2", "Q3"]


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
    assert list(pipeline.named_steps) == list(make_sssl_pipeline().named_steps)
    assert changed_parameters(pipeline) == {
        "segments": {"duration": 5, "max_duration": 30.0},
        "sssl": {
            "backbone": "small", "backbone_params": {"width": 16}, "cv": 3, "max_epochs": 12, "warmup_epochs": 4,
        },
        "statistics": {"statistics": ["mean"]},
        "scaler": {},
        "svm": {"C": 2},
    }  # fmt: skip


def test_the_defaults_suit_the_device(monkeypatch):
    assert make_pipeline_of("sssl", device="cpu")["sssl"].get_params()["max_epochs"] == 12
    assert make_pipeline_of("cross-entropy", device="cpu")["sssl"].max_epochs == 5
    assert make_pipeline_of("cross-entropy", device="cpu")["sssl"].noise_model is None
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for system in ("sssl", "cross-entropy"):
        network = make_pipeline_of(system)["sssl"]
        assert (network.backbone, network.backbone_params, network.max_epochs) == ("vgg16", None, 30)
    # our guards, not the paper's recipe
    assert make_pipeline_of("sssl")["sssl"].balance == "class"


def test_another_backbone_does_not_get_the_width_of_the_small_one():
    assert pipeline_of("sssl", {"sssl": {"backbone": "vgg16_bn"}})["sssl"].backbone_params is None
    assert pipeline_of("sssl", {"sssl": {"backbone": "small"}})["sssl"].backbone_params == {"width": 16}


@pytest.mark.parametrize("system", SYSTEMS)
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
            "unknown section 'ssl'; the steps of this model are segments, sssl, statistics, scaler, svm",
        ),
        ("descriptors", {"segments": {}}, "the steps of this model are descriptors, scaler, svm"),
        ("sssl", {"sssl": {"max_epoch": 3}}, "'sssl' has no parameter 'max_epoch'; it has average_epochs, backbone"),
        ("log-mel", {"statistics": {"x": 1}}, "no parameter 'x'; it has none"),
        ("sssl", {"sssl": {"random_state": 1}}, "a parameter of the run.*set the seed instead"),
        ("sssl", {"segments": {"memory": "x"}}, "'memory' of 'segments' is a parameter of the run"),
        ("sssl", {"sssl": {"callbacks": ["x"]}}, "no parameter 'callbacks'"),
        ("sssl", {"sssl": {"max_epochs": 2.5}}, "section 'sssl': The 'max_epochs' parameter .* Got 2.5"),
        ("sssl", {"sssl": {"max_epochs": 4}}, "leaves no epoch after warmup_epochs=4"),
        ("sssl", {"sssl": {"backbone": "vgg"}}, "section 'sssl': backbone='vgg' is unknown"),
        ("sssl", {"sssl": {"backbone_params": {"w": 1}}}, "section 'sssl': backbone_params={'w': 1} do not match"),
        ("sssl", {"segments": {"duration": 0.2}}, "section 'sssl': backbone='small' requires spectrograms of at least"),
        ("sssl", {"segments": {"duration": 40}}, "section 'segments': max_duration=30 s is shorter"),
        ("sssl", {"statistics": {"statistics": ["x"]}}, "section 'statistics': Unknown statistic 'x'"),
        ("sssl", {"svm": {"kernel": "rfb"}}, "section 'svm': The 'kernel' parameter"),
        ("sssl", {"svm": {"class_weight": {"Q9": 2}}}, "section 'svm': The classes"),
        (
            "descriptors",
            {"descriptors": {"groups": ["x"]}},
            "groups holds the unknown group 'x'",
        ),
        ("sssl", {"sssl": {"backbone_params": {"width": 10**12}}}, "section 'sssl': these parameters are impossible"),
        ("sssl", {"segments": {"sr": 1e13}}, "section 'segments': duration=.* samples a segment"),
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
