"""The public checks find the faults that they are for, each under its own name."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.exceptions import SkipTestWarning
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC
from sklearn.utils.validation import check_is_fitted

from skmer.songs import as_song_sequence
from skmer.utils import check_song_estimator, parametrize_with_song_checks
from skmer.utils.estimator_checks import _CHECKS, N_SONGS, make_input


class Loudness(TransformerMixin, BaseEstimator):
    """The mean and the spread of a song above the mean of the training songs."""

    def __init__(self, scale=1.0):
        self.scale = scale

    def fit(self, X, y=None):
        self.mean_ = np.mean([song.mean() for song in as_song_sequence(X)])
        return self

    def transform(self, X):
        check_is_fitted(self)
        return np.stack([[self.scale * (song.mean() - self.mean_), song.std()] for song in as_song_sequence(X)])


class ChangesAParameter(Loudness):
    def fit(self, X, y=None):
        self.scale = 2.0
        return super().fit(X)


class ChangesSongs(Loudness):
    def fit(self, X, y=None):
        X[0][:] += 1
        return super().fit(X)


class ReturnsNothing(Loudness):
    def fit(self, X, y=None):
        super().fit(X)


class NeedsNoFit(Loudness):
    def transform(self, X):
        self.mean_ = 0.0
        return super().transform(X)


class HoldsALambda(Loudness):
    def fit(self, X, y=None):
        self.function_ = lambda song: song
        return super().fit(X)


class CentresTheBatch(Loudness):
    def transform(self, X):
        rows = super().transform(X)
        return rows - rows.mean(axis=0)


class CountsSongs(Loudness):
    def transform(self, X):
        return super().transform(X) + np.arange(len(X))[:, None]


class DropsShortSongs(Loudness):
    def transform(self, X):
        return super().transform([song for song in as_song_sequence(X) if len(song) > 1])


class DrawsNumbers(Loudness):
    def transform(self, X):
        return super().transform(X) + self.noise_

    def fit(self, X, y=None):
        self.noise_ = np.random.default_rng().normal()
        return super().fit(X)


class NeedsASequence(Loudness):
    def fit(self, X, y=None):
        X[[True] * len(X)]
        return super().fit(X)


class MakesOneBlock(Loudness):
    def fit(self, X, y=None):
        if isinstance(X, list) and np.array(X, dtype=object).ndim > 1:
            raise ValueError("one block")
        return super().fit(X)


class AcceptsNothing(Loudness):
    def transform(self, X):
        return super().transform(X) if len(X) else np.empty((0, 2))


FAULTS = {
    ChangesAParameter: "check_fit_keeps_parameters_and_songs",
    ReturnsNothing: "check_fit_keeps_parameters_and_songs",
    ChangesSongs: "check_fit_keeps_parameters_and_songs",
    NeedsNoFit: "check_unfitted_error",
    HoldsALambda: "check_pickle",
    CountsSongs: "check_order_of_songs",
    CentresTheBatch: "check_song_alone",
    DrawsNumbers: "check_song_containers",
    NeedsASequence: "check_song_containers",
    MakesOneBlock: "check_songs_of_equal_length",
    AcceptsNothing: "check_empty_input_error",
}


@pytest.mark.parametrize("kind", ["segments", "probabilities"])
def test_a_sound_estimator_passes(kind):
    assert check_song_estimator(Loudness(), kind) is None


@pytest.mark.parametrize("faulty", FAULTS)
def test_a_fault_is_found_by_its_check(faulty):
    with pytest.raises(Exception, match=r".") as caught:
        check_song_estimator(faulty(), "segments")
    assert caught.value.__notes__ == [f"{FAULTS[faulty]} failed for {faulty.__name__}."]


def test_songs_that_are_lost_are_found():
    with pytest.raises(AssertionError, match=r"^For 12 songs, the output has 11 rows or songs\."):
        check_song_estimator(DropsShortSongs(), "segments")


def test_an_unfitted_estimator_that_raises_nothing_is_told_so():
    with pytest.raises(AssertionError, match=r"^An unfitted estimator must raise sklearn.exceptions.NotFittedError"):
        check_song_estimator(NeedsNoFit(), "segments")


class PredictsOnly(ClassifierMixin, Loudness):
    """A classifier without probabilities."""

    transform = None

    def fit(self, X, y):
        super().fit(X)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        check_is_fitted(self)
        return self.classes_[(Loudness.transform(self, X)[:, 0] > 0).astype(int)]


def test_a_classifier_that_only_predicts_passes():
    check_song_estimator(PredictsOnly(), "segments")


def test_a_pipeline_with_a_step_without_set_output_passes():
    assert not hasattr(Loudness(), "set_output")
    check_song_estimator(make_pipeline(Loudness(), SVC()), "segments")


def test_expected_failures_are_warned_of_or_marked():
    reasons = {"check_order_of_songs": "it counts", "check_song_alone": "it counts"}
    with pytest.warns(SkipTestWarning) as warned:
        check_song_estimator(CountsSongs(), "segments", expected_failed_checks=reasons)
    assert [str(w.message) for w in warned] == [f"{name} failed as expected: it counts" for name in reasons]
    mark = parametrize_with_song_checks([(CountsSongs(), "segments")], lambda estimator: reasons)
    marked = {case.id: [m.kwargs["reason"] for m in case.marks] for case in mark.args[1] if case.marks}
    assert marked == {f"CountsSongs-{name}": ["it counts"] for name in reasons}


def test_unknown_names_raise():
    with pytest.raises(ValueError, match="'check_nothing', which is not one of check_fit_keeps"):
        check_song_estimator(Loudness(), "segments", expected_failed_checks={"check_nothing": ""})
    with pytest.raises(ValueError, match="kind must be one of 'waveforms', 'segments', 'probabilities', got 'mp3'"):
        check_song_estimator(Loudness(), "mp3")
    with pytest.raises(ValueError, match="kind must be one of"):
        parametrize_with_song_checks([(Loudness(), "mp3")])


def test_a_test_for_each_estimator_and_check_named_by_class_or_key():
    sequence = parametrize_with_song_checks([(Loudness(), "segments"), (Loudness(2.0), "probabilities")])
    named = parametrize_with_song_checks({"loud": (Loudness(), "segments")})
    assert [case.id for case in named.args[1]] == [f"loud-{check.__name__}" for check in _CHECKS]
    assert [case.id for case in sequence.args[1]] == [f"Loudness-{check.__name__}" for check in _CHECKS] * 2
    assert sequence.args[1][-1].values[0].scale == 2.0


def test_an_estimator_that_was_changed_is_fitted_again():
    estimator = clone(Loudness())
    check_song_estimator(estimator, "segments")
    estimator.scale = np.nan  # equal to no other output, so that a stored one would show
    with pytest.raises(ValueError, match="NaN"):
        check_song_estimator(estimator, "segments")


@pytest.mark.parametrize("kind", ["waveforms", "segments", "probabilities"])
def test_songs_have_unequal_lengths_and_one_has_one_segment(kind):
    songs = make_input(kind)
    lengths = [len(song) for song in songs]
    assert len(lengths) == N_SONGS
    assert len(set(lengths)) > 3
    assert lengths[3] == (2048 if kind == "waveforms" else 1) == min(lengths)


def test_pytest_is_not_imported():
    code = "import sys, skmer.utils.estimator_checks; print('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout.strip() == b"False"
