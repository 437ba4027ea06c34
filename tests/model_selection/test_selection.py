import pytest

from skmer.model_selection import Experiment, best_on_test_folds, chosen_inside_folds


def row(name, fold, inner, accuracy, seed=0, **more):
    return {"name": name, "fold": fold, "inner": inner, "seed": seed, "scores": {"accuracy": accuracy}, **more}


# inside fold 0 "a" is better, inside fold 1 "b"; on the test folds "b" is, on the mean
ROWS = [
    row("a", 0, None, 0.5, n_test=4), row("a", 0, 0, 0.9), row("a", 0, 1, 0.7),
    row("b", 0, None, 0.8, n_test=4), row("b", 0, 0, 0.8), row("b", 0, 1, 0.7),
    row("a", 1, None, 0.6), row("a", 1, 0, 0.2), row("a", 1, 1, 0.4),
    row("b", 1, None, 0.4), row("b", 1, 0, 0.1), row("b", 1, 1, 0.6),
    row("c", 0, None, 1.0), row("c", 1, None, 1.0),
]  # fmt: skip
EXPERIMENT = Experiment({}, ROWS, [0, 1], 2)


def test_best_on_test_folds():
    assert best_on_test_folds(EXPERIMENT, ["a", "b"]) == "b"
    assert best_on_test_folds(EXPERIMENT, ["a", "b", "c"]) == "c"
    # inner folds have no say
    turned = [r if r["inner"] is None else {**r, "scores": {"accuracy": float(r["name"] == "a")}} for r in ROWS]
    assert best_on_test_folds(Experiment({}, turned, [0, 1], 2), ["a", "b"]) == "b"


def test_chosen_inside_folds_and_judged_outside():
    chosen = chosen_inside_folds(EXPERIMENT, ["a", "b"], label="chosen")
    assert [r["choice"] for r in chosen] == ["a", "b"]
    assert [r["scores"]["accuracy"] for r in chosen] == [0.5, 0.4]
    assert [r["name"] for r in chosen] == ["chosen"] * 2
    assert [(r["fold"], r["inner"], r["seed"]) for r in chosen] == [(0, None, 0), (1, None, 0)]
    assert chosen[0]["n_test"] == 4
    assert "choice" not in ROWS[0]


def test_test_folds_have_no_say_in_the_honest_choice():
    turned = [r if r["inner"] is not None else {**r, "scores": {"accuracy": 1 - r["scores"]["accuracy"]}} for r in ROWS]
    chosen = chosen_inside_folds(Experiment({}, turned, [0, 1], 2), ["a", "b"])
    assert [r["choice"] for r in chosen] == ["a", "b"]


def test_each_seed_chooses_for_itself():
    rows = [
        row(name, 0, inner, accuracy, seed)
        for seed, figures in [(3, {"a": 0.9, "b": 0.1}), (7, {"a": 0.1, "b": 0.9})]
        for name, accuracy in figures.items()
        for inner in (None, 0)
    ]
    chosen = chosen_inside_folds(Experiment({}, rows, [0], 1), ["a", "b"])
    assert [(r["seed"], r["choice"]) for r in chosen] == [(3, "a"), (7, "b")]


def test_the_first_of_equals():
    rows = [row(name, 0, inner, 0.5) for name in "ab" for inner in (None, 0)]
    experiment = Experiment({}, rows, [0], 1)
    for names in ("ab", "ba"):
        assert best_on_test_folds(experiment, list(names)) == names[0]
        assert chosen_inside_folds(experiment, list(names))[0]["choice"] == names[0]


def test_differences_by_rounding_are_ties():
    values = {"a": [0.3, 0.2, 0.1], "b": [0.1, 0.2, 0.3 + 2e-16]}
    rows = [row(name, fold, inner, values[name][fold]) for name in "ab" for fold in range(3) for inner in (None, 0)]
    experiment = Experiment({}, rows, [0, 1, 2], 3)
    assert best_on_test_folds(experiment, ["a", "b"]) == "a"
    assert best_on_test_folds(experiment, ["b", "a"]) == "b"
    rows = [row(name, 0, inner, values[name][inner or 0]) for name in "ab" for inner in (None, 0, 1, 2)]
    assert chosen_inside_folds(Experiment({}, rows, [0], 1), ["a", "b"])[0]["choice"] == "a"


@pytest.mark.parametrize("work", [best_on_test_folds, chosen_inside_folds])
def test_names_and_scores_that_are_not_there(work):
    for names in (["a", "d"], ["d", "a"], []):
        with pytest.raises(ValueError, match=r"names must be some of \['a', 'b', 'c'\]"):
            work(EXPERIMENT, names)
    with pytest.raises(ValueError, match=r"score must be one of \['accuracy'\], got 'F1'"):
        work(EXPERIMENT, ["a"], "F1")


def test_no_folds_inside():
    with pytest.raises(ValueError, match="run it with inner_splits"):
        chosen_inside_folds(EXPERIMENT, ["a", "c"])
