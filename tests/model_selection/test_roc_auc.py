import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from skmer import EmotionTagger
from skmer.model_selection import best_weight, tag_scores, tag_weight
from skmer.model_selection.roc_auc import macro_roc_auc, roc_auc_of_tags
from skmer.tagging import net as tag_net


def draw(rng, n_values, n=60):
    y = rng.integers(2, size=(n, 5))
    y[:2] = [[0], [1]]
    return y, rng.integers(n_values, size=(n, 5)) / 7


@pytest.mark.parametrize("n_values", [1, 2, 5, 1000])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_what_scikit_learn_gives(rng, n_values, weighted):
    for _ in range(20):
        y, scores = draw(rng, n_values)
        weights = np.r_[1, 1, rng.integers(3, size=58) * rng.random(58)] if weighted else None
        expected = [roc_auc_score(y[:, k], scores[:, k], sample_weight=weights) for k in range(5)]
        np.testing.assert_allclose(roc_auc_of_tags(y, scores, weights), expected, rtol=0, atol=1e-12)
        assert macro_roc_auc(y, scores, weights) == pytest.approx(np.mean(expected), abs=1e-12)
        assert macro_roc_auc(y == 1, scores, weights) == macro_roc_auc(y.astype(float), scores, weights)


def test_all_who_need_it_take_the_same(rng):
    assert tag_net.macro_roc_auc is tag_weight.macro_roc_auc is macro_roc_auc
    y, scores = draw(rng, 9)
    assert tag_scores(y, scores)["ROC-AUC"] == macro_roc_auc(y, scores)
    np.testing.assert_array_equal(tag_scores(y, scores)["per_tag"]["ROC-AUC"], roc_auc_of_tags(y, scores))
    assert best_weight(y, scores, scores) == 0.5
    tagger = EmotionTagger("mlp", mask_range=None, max_epochs=1, random_state=0).fit(scores, y)
    assert tagger.score(scores, y) == macro_roc_auc(y, tagger.decision_function(scores))


def test_whole_weights_are_songs_that_come_again(rng):
    y, scores = draw(rng, 6)
    weights = rng.integers(4, size=60)
    again = np.repeat(np.arange(60), weights)
    np.testing.assert_allclose(
        roc_auc_of_tags(y, scores, weights), roc_auc_of_tags(y[again], scores[again]), rtol=0, atol=1e-12
    )


def test_songs_without_weight_make_no_tag_that_can_be_judged():
    y, scores = np.array([[1, 1], [0, 0], [0, 1]]), np.array([[3, 1], [1, 2], [2, 3]])
    np.testing.assert_array_equal(roc_auc_of_tags(y, scores, np.array([1, 0, 1])), [1, np.nan])
    assert np.isnan(macro_roc_auc(y, scores, np.array([1, 0, 0])))


def test_mirrored_and_monotone_scores(rng):
    y, scores = draw(rng, 6)
    np.testing.assert_array_equal(roc_auc_of_tags(y, np.exp(scores) * 1e300), roc_auc_of_tags(y, scores))
    np.testing.assert_allclose(roc_auc_of_tags(y, -scores), 1 - roc_auc_of_tags(y, scores), rtol=0, atol=1e-15)
