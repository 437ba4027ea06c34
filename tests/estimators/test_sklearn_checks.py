"""scikit-learn's whole suite, on the estimators that also take plain two-dimensional arrays."""

import pytest
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from skmer import SegmentTransformer, SongAggregator, SSSLClassifier
from skmer.classifiers import BiLSTMClassifier


@pytest.mark.filterwarnings("ignore::UserWarning")
@parametrize_with_checks(
    [
        SongAggregator(),
        # four epochs of the defaults suffice for scikit-learn's tiny data
        SSSLClassifier(backbone="mlp", max_epochs=4, random_state=0),
        # and with epochs after the warm-up, which those four are
        SSSLClassifier(backbone="mlp", max_epochs=6, warmup_epochs=2, random_state=0),
        BiLSTMClassifier(max_epochs=10, random_state=0),
    ]
)
def test_check_estimator(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_check_runs():
    # a tag that says "no two-dimensional input" would skip nearly all of them without a word
    mlp = SSSLClassifier(backbone="mlp", max_epochs=4, random_state=0)
    for estimator, least in [(SongAggregator(), 45), (mlp, 59), (BiLSTMClassifier(max_epochs=10, random_state=0), 54)]:
        results = check_estimator(estimator, on_fail=None)
        assert [r["check_name"] for r in results if r["status"] not in ("passed", "skipped")] == []
        assert sum(r["status"] == "passed" for r in results) >= least


def test_segment_transformer_needs_no_fit():
    assert not SegmentTransformer().__sklearn_tags__().requires_fit
