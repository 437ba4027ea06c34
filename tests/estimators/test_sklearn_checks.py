"""scikit-learn's whole suite, on the estimators that also take plain two-dimensional arrays."""

import pytest
from sklearn.utils.estimator_checks import (
    check_classifiers_classes,
    estimator_checks_generator,
    parametrize_with_checks,
)

from skmer import SegmentTransformer, SongAggregator, SSSLClassifier, SSSLRegressor
from skmer.tagging import EmotionTagger, LongShortEnsemble, NoisyStudentTagger
from skmer.two_stage import BiLSTMClassifier

_NOT_FOR_TAGS = {
    "check_classifier_multioutput": "it asks for tags above a logit of 0, but predict has a fitted threshold for each; "
    "and it reads their labels from a classes_ of one dimension, which scorers take for two classes where tags are two",
    "check_supervised_y_2d": "it asks for the same predictions from a column as from labels, but a column is a tag, "
    "which predict assigns from a fitted threshold on; of two labels it returns the more probable",
}
"""Checks that cannot hold where each tag has its own threshold, and why."""


_NOT_IN_BATCHES = {
    "check_sample_weight_equivalence_on_dense_data": "songs that are repeated are in several batches of an epoch, a "
    "song with a weight is in one: scikit-learn declares the same for SGDClassifier",
}
"""Checks that cannot hold for an estimator that is trained in batches, and why."""


_NOT_FOR_UNLABELLED = {
    **_NOT_IN_BATCHES,
    "check_classifiers_classes": "it has a class -1, which means unlabelled: it leaves this out by name for the "
    "semi-supervised classifiers of scikit-learn",
}
"""Checks that cannot hold for a classifier that also takes unlabelled songs, and why."""


def not_applicable(estimator):
    tags = isinstance(estimator, (EmotionTagger, LongShortEnsemble, NoisyStudentTagger))
    weights = _NOT_IN_BATCHES if isinstance(estimator, (BiLSTMClassifier, SSSLRegressor)) else {}
    return _NOT_FOR_TAGS if tags else _NOT_FOR_UNLABELLED if isinstance(estimator, SSSLClassifier) else weights


MLP = {"backbone": "mlp", "backbone_params": {"hidden": [16]}}
TAGGER = {**MLP, "mask_range": None, "max_epochs": 4}
# percentiles of the teacher overlap where a check's labels are random
CONFIDENT = {"thresholds": "probability", "positive_above": 0.9, "negative_below": 0.1}


@pytest.mark.filterwarnings("ignore::UserWarning")
@parametrize_with_checks(
    [
        SongAggregator(),
        SSSLClassifier(**MLP, max_epochs=16, warmup_epochs=3, random_state=0),
        SSSLRegressor(**MLP, max_epochs=30, batch_size=16, random_state=0),
        SSSLRegressor(**MLP, loss="huber", noise_model=None, max_epochs=60, batch_size=16, random_state=0),
        BiLSTMClassifier(8, max_epochs=8, random_state=0),
        EmotionTagger(**TAGGER, random_state=0),
        NoisyStudentTagger(**TAGGER, **CONFIDENT, lr=0.05, random_state=0),
        LongShortEnsemble(*[EmotionTagger(**TAGGER)] * 2, weight=0.5, random_state=0),
    ],
    expected_failed_checks=not_applicable,
)
def test_check_estimator(estimator, check):
    check(estimator)


def test_other_classes_than_minus_one_are_kept(monkeypatch):
    # as the check does for scikit-learn's LabelPropagation
    choice = "sklearn.utils.estimator_checks._choose_check_classifiers_labels"
    monkeypatch.setattr(choice, lambda name, y, y_names: y if y_names.dtype.kind == "i" else y_names)
    classifier = SSSLClassifier(**MLP, max_epochs=16, warmup_epochs=3, random_state=0)
    check_classifiers_classes("SSSLClassifier", classifier)


def test_every_check_runs():
    # with a tag for no two-dimensional input, nearly all checks would be left out
    mlp = SSSLClassifier(backbone="mlp")
    tagger = EmotionTagger(backbone="mlp")
    ensemble = LongShortEnsemble(tagger, tagger)
    for estimator, least in [
        (SongAggregator(), 47),
        (mlp, 69),
        (SSSLRegressor("mlp"), 60),
        (BiLSTMClassifier(), 63),
        (tagger, 61),
        (ensemble, 61),
    ]:
        assert len(list(estimator_checks_generator(estimator))) >= least


def test_segment_transformer_needs_no_fit():
    assert not SegmentTransformer().__sklearn_tags__().requires_fit
