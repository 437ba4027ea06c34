"""Checks for the tests of estimators over songs."""

from skmer.utils.estimator_checks import check_song_estimator, parametrize_with_song_checks

__all__ = ["check_song_estimator", "parametrize_with_song_checks"]
