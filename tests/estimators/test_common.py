"""One list of checks over every estimator that takes songs; scikit-learn's own pass two-dimensional arrays only."""

import pytest

from skmer.utils import parametrize_with_song_checks
from tests.estimators.instances import ESTIMATORS


@pytest.mark.filterwarnings("ignore::UserWarning")
@parametrize_with_song_checks(ESTIMATORS)
def test_song_estimator(estimator, check):
    check(estimator)
