import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from sklearn.mixture import GaussianMixture

from skmer.sssl import gaussian_mixture_split


@pytest.fixture
def planted(rng):
    """Losses of 800 clean and 200 noisy labels, well apart."""
    losses = np.concatenate([rng.normal(0.3, 0.05, 800), rng.normal(2.0, 0.2, 200)])
    return losses, np.arange(1000) >= 800


def test_equals_scikit_learns_mixture(planted):
    losses, _ = planted
    split = gaussian_mixture_split(losses, clip=(0, 100), max_iter=100, tol=1e-6, reg_covar=1e-9, random_state=0)
    peer = GaussianMixture(2, tol=1e-6, random_state=0).fit(losses[:, None])
    order = peer.means_[:, 0].argsort()
    np.testing.assert_allclose(split.means[0], peer.means_[order, 0], rtol=1e-4)
    np.testing.assert_allclose(split.variances[0], peer.covariances_[order, 0, 0], rtol=1e-3)
    np.testing.assert_allclose(split.weights[0], peer.weights_[order], rtol=1e-4)
    between = (losses > split.means[0, 0]) & (losses < split.means[0, 1])
    posterior = peer.predict_proba(losses[:, None])[:, order[0]]
    np.testing.assert_allclose(split.clean_probability[between], posterior[between], atol=1e-3)


def test_finds_planted_noise(planted):
    losses, noisy = planted
    split = gaussian_mixture_split(losses, random_state=0)
    assert ((split.clean_probability <= 0.5) == noisy).all()
    assert split.separation[0] > 2


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 20), min_size=2, max_size=200), st.integers(0, 5))
def test_probability_falls_with_the_loss(losses, seed):
    losses = np.array(losses)
    clean = gaussian_mixture_split(losses, random_state=seed).clean_probability
    assert np.isfinite(clean).all()
    assert (np.diff(clean[losses.argsort(kind="stable")]) <= 1e-12).all()


def test_one_outlier_does_not_move_the_split(planted):
    losses, _ = planted
    with_outlier = np.append(losses, 200.0)
    shares = [
        (gaussian_mixture_split(with_outlier, clip=clip, random_state=0).clean_probability[:-1] > 0.5).mean()
        for clip in [(5, 95), (0, 100)]
    ]
    assert shares[0] == 0.8  # the truth
    assert shares[1] > 0.99  # what clipping prevents


def test_a_mixture_a_class_does_not_take_a_hard_class_for_noise(rng):
    labels = np.repeat([0, 1], [730, 270])
    noisy = rng.random(1000) < 0.2
    # the rarer class is harder: its clean losses lie where the other's noisy ones do
    losses = np.where(labels == 0, 0.2, 1.2) + 1.0 * noisy + rng.normal(0, 0.1, 1000)
    kept = {}
    for name, given_labels in [("global", None), ("class", labels)]:
        clean = gaussian_mixture_split(losses, given_labels, random_state=0).clean_probability > 0.5
        kept[name] = clean[labels == 1].mean()
    assert kept["global"] < 0.1
    assert 0.7 < kept["class"] < 0.9


def test_equal_losses_are_all_clean():
    split = gaussian_mixture_split(np.full(50, 0.7), random_state=0)
    assert (split.clean_probability == 1).all()
    assert split.separation.tolist() == [0]


def test_a_class_of_few_rows_falls_back_on_all(planted):
    losses, _ = planted
    labels = np.zeros(1000, dtype=int)
    labels[[0, 999]] = 1
    split = gaussian_mixture_split(losses, labels, random_state=0)
    assert split.clean_probability[0] > 0.5 > split.clean_probability[999]
    # its row is the mixture that judged it, of all losses
    np.testing.assert_allclose(split.means[1], gaussian_mixture_split(losses, random_state=0).means[0], rtol=0.02)


def test_few_losses_on_the_percentiles_still_count():
    # one noisy label in fifty lies outside the 5th and 95th percentile
    split = gaussian_mixture_split([0.1] * 49 + [3.0], random_state=0)
    assert (split.clean_probability > 0.5).sum() == 49


def test_ranks_without_ties(planted):
    losses, noisy = planted
    clean = gaussian_mixture_split(losses + 0.01, random_state=0).clean_probability
    assert roc_auc_score(noisy, 1 - clean) == 1
    assert len(np.unique(clean[noisy])) == noisy.sum()


def test_not_finite():
    with pytest.raises(ValueError, match="training diverged"):
        gaussian_mixture_split([0.1, np.nan, 0.3])
