"""Parameters by name: entries of dicts, callbacks, and the names that skorch has for the same."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from skorch.callbacks import EarlyStopping, GradientNormClipping, LRScheduler

from skmer import SSSLClassifier
from skmer.tagging import EmotionTagger, LongShortEnsemble, NoisyStudentTagger
from skmer.two_stage import BiLSTMClassifier, MaskedMelAutoencoder

WITH_BACKBONE = [SSSLClassifier, EmotionTagger, NoisyStudentTagger]
ALL = [*WITH_BACKBONE, BiLSTMClassifier, MaskedMelAutoencoder]
MLP = {"backbone": "mlp", "max_epochs": 3, "warmup_epochs": 1, "random_state": 0}


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    return rng.normal(size=(40, 5)) + y[:, None], y


# ---- entries of dicts ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", WITH_BACKBONE)
def test_entries_of_a_dict_are_parameters(kind):
    given = {"width": 4}
    estimator = kind(backbone="small", backbone_params=given)
    assert estimator.get_params()["backbone_params__width"] == 4
    assert not [name for name in estimator.get_params(deep=False) if "__" in name]
    before = repr(estimator)
    copy = clone(estimator).set_params(backbone_params__width=8)
    copy.set_params(backbone_params__dropout=0.1)
    assert copy.backbone_params == {"width": 8, "dropout": 0.1}
    assert clone(copy).get_params()["backbone_params__dropout"] == 0.1
    assert (given, estimator.backbone_params, repr(estimator)) == ({"width": 4}, {"width": 4}, before)
    # the dict of the user is not changed either, but replaced
    assert estimator.set_params(backbone_params__width=16) is estimator
    assert (given, estimator.backbone_params) == ({"width": 4}, {"width": 16})


def test_none_is_an_empty_dict():
    classifier = SSSLClassifier()
    assert not [name for name in classifier.get_params() if "__" in name]
    assert classifier.set_params(backbone_params__width=8).backbone_params == {"width": 8}
    # a whole dict comes first, in any order
    classifier.set_params(backbone_params__width=2, backbone_params={"dropout": 0.1})
    assert classifier.backbone_params == {"dropout": 0.1, "width": 2}
    with pytest.raises(ValueError, match=r"backbone_params is 3: set backbone_params to a dict or None before"):
        SSSLClassifier(backbone_params=3).set_params(backbone_params__width=8)


def test_a_grid_over_the_width(rows):
    pipe = make_pipeline(SSSLClassifier(**MLP, backbone_params={"hidden": [4]}))
    grid = {"ssslclassifier__backbone_params__hidden": [[4], [8]]}
    search = GridSearchCV(pipe, grid, cv=2, error_score="raise").fit(*rows)
    hidden = search.best_params_["ssslclassifier__backbone_params__hidden"]
    assert search.best_estimator_[0].backbone_params == {"hidden": hidden}
    assert pipe[0].backbone_params == {"hidden": [4]}
    assert search.n_splits_ == 2
    # the best of them is fitted with its own width
    assert next(search.best_estimator_[0].net_.module_.parameters()).shape == (hidden[0], 5)


def test_parameters_reach_through_other_estimators():
    student = NoisyStudentTagger(EmotionTagger())
    student.set_params(teacher__backbone_params__width=4, backbone_params__width=8)
    assert (student.teacher.backbone_params, student.backbone_params) == ({"width": 4}, {"width": 8})
    ensemble = LongShortEnsemble(EmotionTagger(), make_pipeline(EmotionTagger()))
    ensemble.set_params(long__emotiontagger__backbone_params__width=4)
    assert ensemble.get_params()["long__emotiontagger__backbone_params__width"] == 4


# ---- callbacks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ALL)
def test_callbacks_have_names(kind):
    early, clip = EarlyStopping("train_loss", patience=5), GradientNormClipping(1.0)
    given = [("early", early), clip]
    estimator = kind(callbacks=given)
    params = estimator.get_params()
    assert (params["callbacks__early"], params["callbacks__GradientNormClipping"]) == (early, clip)
    assert params["callbacks__early__patience"] == 5
    copy = clone(estimator).set_params(callbacks__early__patience=3)
    copy.set_params(callbacks__GradientNormClipping__gradient_clip_value=2.0)
    inside = dict(clone(copy).callbacks)
    assert (inside["early"].patience, inside["early"].monitor) == (3, "train_loss")
    assert inside["GradientNormClipping"].gradient_clip_value == 2.0
    estimator.set_params(callbacks__early__patience=4)
    assert estimator.get_params()["callbacks__early__patience"] == 4
    assert (early.patience, clip.gradient_clip_value, given) == (5, 1.0, [("early", early), clip])


def test_callbacks_of_one_class_are_numbered_as_by_skorch(rows):
    two = [GradientNormClipping(1.0), EarlyStopping, GradientNormClipping(2.0)]
    classifier = SSSLClassifier(**MLP, callbacks=two)
    names = ["GradientNormClipping_1", "EarlyStopping", "GradientNormClipping_2"]
    assert [name for name in classifier.get_params() if name.startswith("callbacks__") and name.count("__") == 1] == [
        f"callbacks__{name}" for name in names
    ]
    classifier.set_params(
        callbacks__GradientNormClipping_2__gradient_clip_value=3.0, callbacks__EarlyStopping__monitor="train_loss"
    )
    assert [name for name, _ in classifier.callbacks] == names
    assert [classifier.callbacks[k][1].gradient_clip_value for k in (0, 2)] == [1.0, 3.0]
    assert (two[2].gradient_clip_value, two[1]) == (2.0, EarlyStopping)

    seen = {}

    class Names(EarlyStopping):
        def on_train_begin(self, net, **kwargs):
            super().on_train_begin(net, **kwargs)
            seen.update(net.callbacks_)

    classifier.set_params(callbacks__EarlyStopping=Names("train_loss")).fit(*rows)
    assert set(names) < set(seen)


def test_a_callback_is_replaced_switched_off_and_searched(rows):
    early = EarlyStopping("train_loss", patience=1, threshold=1e3, threshold_mode="abs")
    classifier = SSSLClassifier(**MLP, callbacks=[("early", early)])
    search = GridSearchCV(classifier, {"callbacks__early__patience": [1, 2]}, cv=2, refit=False, error_score="raise")
    search.fit(*rows)
    assert early.patience == 1
    epochs = [len(classifier.set_params(callbacks__early__patience=k).fit(*rows).history_) for k in (1, 2)]
    assert epochs == [2, 3]
    off = clone(classifier).set_params(callbacks__early=None, max_epochs=4)
    assert len(off.fit(*rows).history_) == 4
    off.set_params(callbacks__early__patience=7, callbacks__early=EarlyStopping("train_loss"))
    assert dict(off.callbacks)["early"].patience == 7
    assert pickle.loads(pickle.dumps(off)).get_params()["callbacks__early__patience"] == 7


@pytest.mark.parametrize(
    ("callbacks", "params", "message"),
    [
        (None, {"callbacks__early__patience": 3}, "no callback named 'early'; it has none"),
        ([EarlyStopping()], {"callbacks__early": None}, "no callback named 'early'; it has 'EarlyStopping'"),
        ([("a", EarlyStopping()), ("a", LRScheduler())], {"callbacks__a__patience": 3}, "several callbacks named 'a'"),
        ([EarlyStopping()], {"callbacks__EarlyStopping__patient": 3}, "EarlyStopping has no parameter 'patient'"),
    ],
)
def test_wrong_names_of_callbacks(callbacks, params, message):
    with pytest.raises(ValueError, match=f"Invalid parameter '{next(iter(params))}' for SSSLClassifier: {message}"):
        SSSLClassifier(callbacks=callbacks).set_params(**params)


# ---- skorch's names --------------------------------------------------------------------------------

SAID = {
    "module": ("module is called backbone here", "the network is built by {}, whose parameters it has"),
    "module__width": ("use backbone_params__width", "the network is built by {}"),
    "optimizer": ("the optimizer is AdamW, of which lr and weight_decay can be set",) * 2,
    "optimizer__weight_decay": ("use weight_decay",) * 2,
    "optimizer__lr": ("use lr",) * 2,
    "optimizer__betas": ("the optimizer is AdamW",) * 2,
    "criterion": ("the loss belongs to the estimator",) * 2,
    "criterion__reduction": ("the loss belongs to the estimator",) * 2,
    "iterator_train": ("batches are not drawn by a DataLoader",) * 2,
    "iterator_train__batch_size": ("use batch_size",) * 2,
    "iterator_valid__num_workers": ("batches are not drawn by a DataLoader",) * 2,
    "dataset": ("X and y are passed to fit",) * 2,
    "predict_nonlinearity": ("predict_proba returns probabilities already",) * 2,
    "warm_start": ("each fit begins anew",) * 2,
}


@pytest.mark.parametrize("kind", ALL)
def test_names_of_skorch_are_explained(kind):
    for name, sentences in SAID.items():
        sentence = sentences[kind not in WITH_BACKBONE].format(kind.__name__)
        if kind is MaskedMelAutoencoder and name == "module__width":
            sentence = "use width"
        with pytest.raises(ValueError, match=f"Invalid parameter '{name}' for {kind.__name__}: {sentence}.*[.]$"):
            kind().set_params(**{name: 1})
        with pytest.raises(ValueError, match=sentence):
            make_pipeline(kind()).set_params(**{f"{kind.__name__.lower()}__{name}": 1})
    split = "use validation_fraction" if kind in WITH_BACKBONE else "all songs of X are used"
    with pytest.raises(ValueError, match=split):
        kind().set_params(train_split=None)
    # scikit-learn's own message for others, and its own way for those that are the same
    with pytest.raises(ValueError, match=r"Invalid parameter 'momentum' for estimator .*Valid parameters are"):
        kind().set_params(momentum=0.9)
    with pytest.raises(AttributeError):
        kind().set_params(lr__x=1)
    assert kind().set_params(lr=0.1, max_epochs=2, device="cpu").get_params()["lr"] == 0.1


def test_compile_is_a_parameter_of_one():
    assert SSSLClassifier().set_params(compile=True).compile is True
    with pytest.raises(ValueError, match="only SSSLClassifier compiles its network"):
        BiLSTMClassifier().set_params(compile=True)
