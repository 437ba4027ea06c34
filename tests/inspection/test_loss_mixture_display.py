"""LossMixtureDisplay counts the losses it is given and draws the mixture's own curves."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import Bunch

from skmer.inspection import LossMixtureDisplay
from skmer.sssl import gaussian_mixture_split


@pytest.fixture
def planted():
    rng = np.random.default_rng(0)
    losses = np.r_[rng.normal(0.3, 0.1, 600), rng.normal(2.0, 0.4, 400)]
    return losses, np.arange(1000) >= 600


def test_curves_have_the_area_mean_and_width_of_their_components(planted):
    losses, is_noisy = planted
    display = LossMixtureDisplay.from_predictions(losses, 1.0 - is_noisy)
    width = np.diff(np.histogram_bin_edges(losses, 50))[0]
    for line, rows in zip(display.lines_, (~is_noisy, is_noisy), strict=True):
        x, curve = line.get_data()
        assert curve.sum() * (x[1] - x[0]) / width == pytest.approx(rows.sum(), rel=0.03)
        assert np.average(x, weights=curve) == pytest.approx(losses[rows].mean(), abs=0.03)
    assert display.means[0] == pytest.approx([losses[~is_noisy].mean(), losses[is_noisy].mean()])
    assert display.variances[0] == pytest.approx([losses[~is_noisy].var(), losses[is_noisy].var()])
    assert display.weights[0] == pytest.approx([0.6, 0.4])


def test_histogram_counts_every_loss_and_stacks_the_truth(planted):
    losses, is_noisy = planted
    plain = LossMixtureDisplay.from_predictions(losses, losses < 1)
    assert sum(bar.get_height() for bar in plain.ax_.patches) == 1000
    known = LossMixtureDisplay.from_predictions(losses, losses < 1, is_noisy=is_noisy)
    heights = [sum(bar.get_height() for bar in group) for group in known.ax_.containers]
    assert heights == [600, 400]


def test_threshold_lies_between_the_last_clean_and_the_first_noisy_loss():
    display = LossMixtureDisplay.from_predictions([0.1, 0.2, 1.0, 2.0], [0.9, 0.8, 0.4, 0.1])
    assert display.threshold_ == (0.2, 1.0)
    assert LossMixtureDisplay.from_predictions([0.1, 0.2], [0.9, 0.9]).threshold_ is None
    stricter = LossMixtureDisplay.from_predictions([0.1, 0.2, 1.0], [0.9, 0.8, 0.4], threshold=0.85)
    assert stricter.threshold_ == (0.1, 0.2)


def test_given_components_are_drawn_and_absent_ones_are_not(planted):
    losses, is_noisy = planted
    means = [[0.3, 2.0], [np.nan, np.nan]]
    display = LossMixtureDisplay.from_predictions(
        losses, 1.0 - is_noisy, means=means, variances=[[0.01, 0.16]] * 2, weights=[[0.6, 0.4]] * 2
    )
    x, curve = display.lines_[0].get_data()
    assert x[curve.argmax()] == pytest.approx(0.3, abs=0.02)
    nothing = np.full((1, 2), np.nan)
    display = LossMixtureDisplay.from_predictions(
        losses, 1.0 - is_noisy, means=nothing, variances=nothing, weights=nothing
    )
    assert display.lines_ == []


def test_a_fitted_classifier_gives_its_split(planted):
    losses, is_noisy = planted
    labels = np.arange(1000) % 2
    split = gaussian_mixture_split(losses, labels, random_state=0)
    holder = FunctionTransformer()
    holder.split_ = Bunch(loss=losses, **vars(split))
    holder.clean_threshold = 0.7
    by_song = np.split(is_noisy, [300, 500])
    display = LossMixtureDisplay.from_estimator(make_pipeline(FunctionTransformer(), holder), is_noisy=by_song)
    assert display.losses.tolist() == losses.tolist()
    assert display.is_noisy.tolist() == is_noisy.tolist()
    assert display.threshold == 0.7
    assert display.means.shape == (2, 2)
    assert len(display.lines_) == 2


def test_an_estimator_without_a_split_is_an_error():
    with pytest.raises(NotFittedError, match="has no split"):
        LossMixtureDisplay.from_estimator(make_pipeline(FunctionTransformer()))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"losses": [0.1, np.nan], "clean_probability": [1, 1]}, "losses must be finite"),
        ({"losses": [], "clean_probability": []}, "losses must be finite"),
        ({"losses": [0.1, 0.2], "clean_probability": [1]}, "clean_probability"),
        ({"losses": [0.1, 0.2], "clean_probability": [1, 0], "is_noisy": [True]}, "is_noisy"),
        ({"losses": [0.1, 0.2], "clean_probability": [1, 0], "means": [0, 1]}, "belong together"),
        ({"losses": [1.0], "clean_probability": [1], "means": [0], "variances": [1], "weights": [1]}, "shape"),
    ],
)
def test_bad_values_are_errors(arguments, word):
    with pytest.raises(ValueError, match=word):
        LossMixtureDisplay(**arguments)


def test_equal_losses_are_drawn(tmp_path):
    display = LossMixtureDisplay.from_predictions(np.ones(5), np.ones(5))
    display.figure_.savefig(tmp_path / "equal.png")
    assert display.threshold_ is None
