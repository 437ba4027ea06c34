"""The head of a card's page: YAML that says what the card says, whatever names are in it."""

import math

import pytest
from sklearn.utils import Bunch

from skmer.models import card_markdown, train_model
from skmer.models.front_matter import front_matter
from tests.models.tiny import LOG_MEL, tiny_songs

yaml = pytest.importorskip("yaml")


def head_of(page):
    """The head of a page, read as a hub reads it: between the first two lines of dashes."""
    before, head, page = page.split("---\n", maxsplit=2)
    assert before == ""
    assert page.startswith("\n# ")
    return yaml.safe_load(head)


def card(estimate=None, **data):
    return {"system": "sssl", "estimate": estimate, "data": {"labels_from": "folders", **data}}


def estimate(**means):
    return {"n_splits": 3, "mean": {"dummy": {"accuracy": 0.1}, "sssl": means}}


def test_the_estimate_of_a_training_is_in_the_head():
    trained = train_model(tiny_songs(), "log-mel", LOG_MEL, n_splits=2, license="cc-by-4.0")
    head = head_of(card_markdown({**trained.card, "model": "a model.skmer"}))
    means = trained.card["estimate"]["mean"]["log-mel"]
    [entry] = head.pop("model-index")
    assert head == {
        "license": "cc-by-4.0",
        "library_name": "skmer",
        "pipeline_tag": "audio-classification",
        "tags": ["music", "music-emotion-recognition", "skmer-log-mel"],
        "metrics": ["accuracy", "f1", "balanced_accuracy"],
    }
    [result] = entry.pop("results")
    assert entry == {"name": "a model"}
    assert result["dataset"] == {"type": "audiofolder", "name": "given in Python"}
    found = {metric["name"]: metric["value"] for metric in result["metrics"]}
    assert found == {f"{name}, mean of 2 folds": pytest.approx(value, abs=5e-5) for name, value in means.items()}


def test_without_a_licence_and_an_estimate_there_are_no_such_entries():
    assert yaml.safe_load(front_matter(card()).strip("-")) == {
        "library_name": "skmer",
        "pipeline_tag": "audio-classification",
        "tags": ["music", "music-emotion-recognition", "skmer-sssl"],
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mit", {"license": "mit"}),
        ("no", {"license": "no"}),
        ("CC BY-NC-SA (x): #1", {"license": "other", "license_name": "CC BY-NC-SA (x): #1"}),
        ('None of your "business"', {"license": "other", "license_name": 'None of your "business"'}),
    ],
)
def test_a_licence_is_an_identifier_or_a_name(name, expected):
    head = yaml.safe_load(front_matter(card() | {"license": name}).strip("-"))
    assert {key: value for key, value in head.items() if key.startswith("license")} == expected


@pytest.mark.parametrize(
    "name",
    ["no", "1", "1.5", "null", "a: b", "- a", "# a", "'", '"', "\\", "{a}", "*a", "---", "...", "é ü 悲 😀", "a\nb",
     "\t", "\x7f\x85\u2028\u2029\ufeff\x00", "\udc80", "", " a "],
)  # fmt: skip
def test_names_are_the_same_after_reading(name):
    """Also the name of the file, of the table with the labels, of a collection and of ratings."""
    scores = estimate(**{"accuracy": 0.5, f"RMSE of {name}": 2.0})
    made = {**card(scores, labels_from=name, collection=f"x{name}"), "model": f"x{name}"}
    page = front_matter(made)
    page.encode("utf-8")
    head = yaml.safe_load(page.removeprefix("---\n").removesuffix("\n---"))
    [result] = head["model-index"][0]["results"]
    assert result["dataset"] == {"type": f"x{name}", "name": name}
    assert head["datasets"] == [f"x{name}"]
    assert [metric["name"] for metric in result["metrics"]] == [
        "accuracy, mean of 3 folds", f"RMSE of {name}, mean of 3 folds",
    ]  # fmt: skip
    assert head["metrics"] == ["accuracy", "rmse"]


@pytest.mark.parametrize("name", ["no", "1", "a: b", "---", "é 悲", '"q"'])
def test_odd_classes_do_not_disturb_the_head(name):
    songs = Bunch(**tiny_songs())
    songs.target = songs.target.astype(object)
    songs.target[songs.target == "Q1"] = name
    head = head_of(card_markdown(train_model(songs, "log-mel", LOG_MEL, n_splits=0).card))
    assert head["library_name"] == "skmer"


def test_values_that_are_no_numbers_are_left_out_and_choices_are_honest():
    scores = estimate(**{"R²": -1.0, "CCC": math.nan, "RMSE of a": 12345678.0})
    head = yaml.safe_load(front_matter(card(scores)).strip("-"))
    metrics = head["model-index"][0]["results"][0]["metrics"]
    assert [(metric["type"], metric["value"]) for metric in metrics] == [("r_squared", -1.0), ("rmse", 12345678.0)]
    chosen = {**estimate(accuracy=0.9), "choice": {}}
    chosen["mean"]["chosen inside the folds"] = {"accuracy": 0.7}
    [entry] = yaml.safe_load(front_matter(card(chosen)).strip("-"))["model-index"]
    assert entry["results"][0]["metrics"][0]["value"] == 0.7
