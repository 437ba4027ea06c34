"""What is refused, and what is known, before anything of Mirable's tables is decoded or trained."""

import numpy as np
import pytest

from skmer.reproduction.mirable import MirablePlan, MirableSettings, plan_mirable
from skmer.reproduction.mirable.rows import ROWS


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seeds": []}, r"seeds must be whole numbers from 0, at least one, not \[\]"),
        ({"seeds": [0, -1]}, r"seeds must be whole numbers from 0, at least one, not \[0, -1\]"),
        ({"seeds": [0.5]}, "seeds must be whole numbers"),
        ({"seeds": 3}, "seeds must be whole numbers"),
        ({"seeds": [2**32]}, "seeds must be whole numbers from 0, to 4294967295"),
        ({"n_splits": 0}, "n_splits must be a whole number, at least 2, not 0"),
        ({"n_splits": 1}, "n_splits must be a whole number, at least 2, not 1"),
        ({"n_splits": 2.0}, "n_splits must be a whole number"),
        ({"hide": 1}, "hide=1 must be a share"),
        ({"rows": []}, "rows must be some of"),
    ],
)
def test_wrong_numbers(given, message):
    # the collection is not even looked for
    with pytest.raises(ValueError, match=message):
        plan_mirable("emotify", data_home="nowhere", **given)


def test_rows_that_no_seed_has_a_say_in_stand_once():
    plan = MirablePlan("emotify", MirableSettings(), None, list(ROWS), [], [3, 5], {})
    assert plan.names_of(None) == ["dummy", "logistic-regression"]
    assert plan.names_of(3) == plan.names_of(5) == [name for name in ROWS if name not in plan.names_of(None)]
    assert plan.all_seeds == [None, 3, 5]


def test_seeds_are_whole_numbers_of_any_kind():
    with pytest.raises(FileNotFoundError):
        plan_mirable("emotify", data_home="nowhere", seeds=np.arange(2))
