"""scikit-learn's whole suite, on the estimators that also take plain two-dimensional arrays."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from skmer import SegmentTransformer, SongAggregator, SSSLClassifier
from skmer.tagging import EmotionTagger, LongShortEnsemble, NoisyStudentTagger
from skmer.two_stage import BiLSTMClassifier

_CLASSES = "its y is classes, but tags are columns of 0 and 1"
_NOT_FOR_TAGS = {
    "check_classifier_data_not_an_array": _CLASSES,
    "check_classifier_not_supporting_multiclass": "it asks for a message on binary classes, but tags are columns",
    "check_classifier_multioutput": "it asks for decisions at a logit of 0, but they are made at fitted thresholds",
    "check_classifiers_classes": _CLASSES,
    "check_classifiers_train": "it asks for one-dimensional decisions, but those on tags are columns",
    "check_decision_proba_consistency": _CLASSES,
    "check_estimators_dtypes": _CLASSES,
    "check_fit2d_1feature": _CLASSES,
}
"""Checks that cannot hold for a classifier that takes several tags and nothing else, and why."""


def not_applicable(estimator):
    return _NOT_FOR_TAGS if isinstance(estimator, (EmotionTagger, LongShortEnsemble, NoisyStudentTagger)) else {}


MLP = {"backbone": "mlp", "backbone_params": {"hidden": [16]}}
TAGGER = {**MLP, "mask_range": None, "max_epochs": 4}


@pytest.mark.filterwarnings("ignore::UserWarning")
@parametrize_with_checks(
    [
        SongAggregator(),
        SSSLClassifier(**MLP, max_epochs=6, warmup_epochs=3, random_state=0),
        BiLSTMClassifier(8, max_epochs=8, random_state=0),
        EmotionTagger(**TAGGER, random_state=0),
        NoisyStudentTagger(**TAGGER, lr=0.05, random_state=0),
        LongShortEnsemble(*[EmotionTagger(**TAGGER)] * 2, weight=0.5, random_state=0),
    ],
    expected_failed_checks=not_applicable,
)
def test_check_estimator(estimator, check):
    check(estimator)


def test_every_check_runs():
    # with a tag for no two-dimensional input, nearly all checks would be left out
    mlp = SSSLClassifier(backbone="mlp")
    tagger = EmotionTagger(backbone="mlp")
    ensemble = LongShortEnsemble(tagger, tagger)
    for estimator, least in [(SongAggregator(), 47), (mlp, 61), (BiLSTMClassifier(), 55), (tagger, 59), (ensemble, 59)]:
        assert len(list(estimator_checks_generator(estimator))) >= least


def test_segment_transformer_needs_no_fit():
    assert not SegmentTransformer().__sklearn_tags__().requires_fit
