"""Model files: every estimator comes back with the same bits, and what cannot be saved is named."""

import inspect
import json
import pickle
import re
import warnings
import zipfile
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_selection import RFE, SelectFromModel, SelectKBest, SelectPercentile, VarianceThreshold
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, RidgeClassifier, SGDClassifier
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    GroupKFold,
    StratifiedKFold,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    Normalizer,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.svm import SVC, LinearSVC, NuSVC
from sklearn.tree import DecisionTreeClassifier
from skorch.callbacks import EarlyStopping
from torch import nn

import skmer
from skmer import (
    EmbeddingTransformer,
    EmotionTagger,
    SegmentTransformer,
    SongAggregator,
    SSSLClassifier,
    make_multi_duration_pipeline,
)
from skmer._pipeline_steps import first_steps
from skmer.model_selection import RatingClassifier
from skmer.models import SYSTEMS, ModelFileError, TrainedModel, load_model, make_pipeline_of, save_model
from skmer.models.storage.networks import _NET_PARAMS, _OWN_NET_PARAMS
from skmer.pipelines import SongPipeline
from skmer.reproduction.systems import Settings, build_systems
from skmer.sssl import GMMSplit
from skmer.sssl.net import SegmentNet
from skmer.tagging.net import TagNet
from skmer.training.net import RowNet
from skmer.two_stage.autoencoder import MaskedNet
from skmer.two_stage.bilstm import _SongNet
from skmer.utils.estimator_checks import labels_for, make_input, output
from tests.estimators.instances import ESTIMATORS, SSSL, TAGGER, magnitudes
from tests.tiny_model import SR, tiny_pipeline, tiny_songs

pytestmark = pytest.mark.filterwarnings("ignore")


def again(model, tmp_path, **params):
    """Save a model and load it; saving the loaded one gives the same bytes."""
    path = save_model(model, tmp_path / "model.skmer")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded = load_model(path, **params)
    if type(model) is Pipeline and type(loaded) is SongPipeline:
        # a pipeline that reads songs gets methods for one song
        loaded.__class__ = Pipeline
    assert type(loaded) is type(model)
    second = save_model(loaded, tmp_path / "second.skmer")
    assert second.read_bytes() == path.read_bytes()
    return loaded


def outputs(model, X):
    """All that a model computes."""
    methods = ("predict", "predict_proba", "decision_function", "transform", "score_samples")
    found = {method: getattr(model, method)(X) for method in methods if hasattr(model, method)}
    assert found
    return {method: [np.asarray(row) for row in rows] for method, rows in found.items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for method in one:
        for a, b in zip(one[method], other[method], strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b, err_msg=method)


# ---- skmer's estimators ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_comes_back_with_the_same_bits(name, tmp_path):
    estimator, kind = ESTIMATORS[name]
    X = make_input(kind)
    fitted = clone(estimator).fit(X, labels_for(estimator))
    loaded = again(fitted, tmp_path, types=[magnitudes])
    for a, b in zip(output(fitted, X), output(loaded, X), strict=True):
        np.testing.assert_array_equal(a, b)
    attributes = [name for name in vars(fitted) if name.endswith("_")]
    assert attributes == [name for name in vars(loaded) if name.endswith("_")]
    # the loaded model is a model: it can be cloned and fitted again
    refitted = clone(loaded).fit(X, labels_for(estimator))
    for a, b in zip(output(fitted, X), output(refitted, X), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("system", [name for name in SYSTEMS if name != "musicnn" or find_spec("musicnn")])
def test_every_system_of_skmer_train(system, tmp_path):
    config = {}
    if system in ("sssl", "cross-entropy", "joined"):
        config = {"sssl": {"max_epochs": 2, "warmup_epochs": 1, "backbone_params": {"hidden": [8]}}}
    if system == "joined":
        config["sssl"]["cv"] = 2
    songs = tiny_songs()
    pipe = make_pipeline_of(system, config, "cpu")
    for _, reader in first_steps(pipe):
        reader.set_params(sr=SR)
    pipe.fit(songs.data, songs.target)
    assert_same(outputs(pipe, songs.data), outputs(again(pipe, tmp_path), songs.data))


def test_a_classifier_of_ratings_comes_back_without_types(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
    fitted = RatingClassifier(LogisticRegression()).fit(X, y)
    loaded = again(fitted, tmp_path)
    assert_same(outputs(fitted, X), outputs(loaded, X))
    np.testing.assert_array_equal(loaded.threshold_, np.median(y, axis=0))


def test_the_precision_of_predictions_is_saved_and_can_be_changed(tmp_path):
    X = make_input("segments")
    fitted = SSSLClassifier(**SSSL, prediction_precision="bfloat16").fit(X, labels_for(SSSLClassifier()))
    loaded = again(fitted, tmp_path)
    assert loaded.prediction_precision == "bfloat16"
    assert_same(outputs(fitted, X), outputs(loaded, X))
    half = loaded.predict_proba(X)
    exact = loaded.set_params(prediction_precision="float32").predict_proba(X)
    assert not np.array_equal(exact, half)
    np.testing.assert_array_equal(exact, fitted.set_params(prediction_precision="float32").predict_proba(X))


@pytest.mark.parametrize("table", ["table2", "table3", "ablations"])
def test_every_system_of_skmer_reproduce_can_be_saved(table, tmp_path):
    # with the parameters of the papers, unfitted; their estimators are fitted in the tests above
    for system in build_systems(table, Settings(backbone="small"), ["all"]).values():
        steps = [system.segments, system.network] if hasattr(system, "network") else [system.estimator]
        for step in steps:
            assert repr(again(step, tmp_path)) == repr(step)


def test_a_union_of_durations(tmp_path):
    songs = tiny_songs()
    sssl = {**SSSL, "recipe": None, "max_epochs": 2}
    pipe = make_multi_duration_pipeline([1, 2], **sssl).set_params(segments__sr=SR).fit(songs.data, songs.target)
    assert_same(outputs(pipe, songs.data), outputs(again(pipe, tmp_path), songs.data))


def test_the_net_of_a_loaded_model_is_a_net(tmp_path):
    X, y = make_input("segments"), labels_for(SSSLClassifier())
    fitted = SSSLClassifier(**SSSL, callbacks=[("early", EarlyStopping("train_loss", patience=9))]).fit(X, y)
    loaded = again(fitted, tmp_path)
    assert loaded.net_.history == fitted.net_.history
    assert loaded.net_.standardizer_ is loaded.standardizer_
    assert loaded.callbacks[0][1].get_params() == fitted.callbacks[0][1].get_params()
    rows = np.concatenate(list(X))
    labels = np.repeat(y, X.n_segments)
    np.testing.assert_array_equal(loaded.net_.predict_proba(rows), fitted.net_.predict_proba(rows))
    pickled = pickle.loads(pickle.dumps(loaded))
    for model in (fitted, loaded, pickled):
        model.net_.partial_fit(rows, labels)
    assert isinstance(loaded.net_.optimizer_, torch.optim.AdamW)
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    np.testing.assert_array_equal(pickled.predict_proba(X), fitted.predict_proba(X))


# ---- networks --------------------------------------------------------------------------------------


class Network(nn.Module):
    """A network of the user, with a state that no constructor of ours knows."""

    def __init__(self, segment_shape, n_classes, width=3):
        super().__init__()
        self.width = width
        self.layers = nn.Sequential(nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(2))
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("shift", torch.full((1,), 0.5), persistent=False)
        self.head = nn.Sequential(nn.Dropout(0.1), nn.Linear(4 * width, n_classes))

    def trunk(self, x):
        return self.layers(x).flatten(1) * self.scale + self.shift

    def forward(self, x):
        return self.head(self.trunk(x))


def make_network(segment_shape, n_classes):
    return Network(segment_shape, n_classes, width=2)


def sequence(n_classes=3):
    layers = [nn.Conv2d(1, 2, 3, padding=1), nn.MaxPool2d(2), nn.Flatten(), nn.LazyLinear(4), nn.Linear(4, n_classes)]
    return nn.Sequential(*layers)


@pytest.mark.parametrize("backbone", [Network, make_network, Network((16, 29), 3), sequence()])
def test_networks_of_the_user(backbone, tmp_path):
    X, y = make_input("segments"), labels_for(SSSLClassifier())
    fitted = SSSLClassifier(**{**SSSL, "backbone": backbone, "backbone_params": None}).fit(X, y)
    own = [thing for thing in (Network, make_network) if not isinstance(backbone, nn.Sequential)]
    loaded = again(fitted, tmp_path, types=own)
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    with zipfile.ZipFile(tmp_path / "model.skmer") as archive:
        stored = len(archive.read("arrays.safetensors"))
    # the weights are stored once, those of a module that was given are the trained ones
    assert stored < 1.5 * sum(v.nbytes for v in fitted.net_.module_.state_dict().values()) + 12_000
    if isinstance(backbone, nn.Module):
        assert loaded.backbone is loaded.net_.module_
    elif own:
        assert loaded.backbone is backbone
    if own:
        message = (
            r"model\.skmer: this model cannot be loaded: it needs '(Network|make_network)' of the module '.*test_st"
        )
        with pytest.raises(ModelFileError, match=message):
            load_model(tmp_path / "model.skmer")


@pytest.mark.parametrize(
    ("backbone", "params", "shape"),
    [
        ("vgg16", {}, (32, 40)),
        ("vgg16_bn", {"head": "pooled"}, (32, 40)),
        ("crnn", {"width": 2, "n_hidden": 4}, (316, 9)),
        ("crnn", {"width": 2, "n_hidden": 4, "stochastic": 0.2}, (256, 9)),
        ("vggish", None, (256, 9)),
    ],
)
def test_each_backbone(backbone, params, shape, rng, tmp_path):
    songs = [rng.normal(size=(2, *shape)).astype(np.float32) for _ in range(8)]
    y = np.array([[1, 0], [0, 1]] * 4)
    settings = {**TAGGER, "backbone": backbone, "backbone_params": params, "max_epochs": 1}
    fitted = EmotionTagger(**settings).fit(songs, y)
    loaded = again(fitted, tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(songs), fitted.predict_proba(songs))
    strides = [value.stride() for value in fitted.net_.module_.state_dict().values()]
    assert [value.stride() for value in loaded.net_.module_.state_dict().values()] == strides


def test_the_weights_that_a_backbone_started_from_are_not_saved(rng, tmp_path):
    songs = [rng.normal(size=(2, 32, 40)).astype(np.float32) for _ in range(6)]
    y = np.array(["a", "b"] * 3)
    weights = {
        name: value.clone() for name, value in skmer.backbones.VGG16((32, 40), 2, head="pooled").state_dict().items()
    }
    params = {"head": "pooled", "state_dict": weights}
    fitted = SSSLClassifier("vgg16", backbone_params=params, noise_model=None, max_epochs=1, random_state=0)
    loaded = again(fitted.fit(songs, y), tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(songs), fitted.predict_proba(songs))
    assert (tmp_path / "model.skmer").stat().st_size < 1.1 * sum(value.nbytes for value in weights.values())
    trained = loaded.net_.module_.state_dict()
    assert all(torch.equal(loaded.backbone_params["state_dict"][name], trained[name]) for name in weights)


def test_a_network_whose_parameters_were_set_after_the_fit(tmp_path):
    X, y = make_input("segments"), labels_for(SSSLClassifier())
    fitted = SSSLClassifier(**SSSL).fit(X, y).set_params(backbone_params={"hidden": [5, 5]})
    loaded = again(fitted, tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    assert loaded.backbone_params == {"hidden": [5, 5]}


def test_layers_come_back_from_their_constructors(tmp_path):
    layers = nn.ModuleDict(
        {
            "convolutions": nn.Sequential(
                nn.Conv1d(2, 4, 3, stride=2, padding="valid", groups=2, bias=False, padding_mode="circular"),
                nn.ConvTranspose2d(2, 3, 3, output_padding=1, stride=2), nn.BatchNorm1d(3, affine=False), nn.ELU(0.5),
                nn.LayerNorm([2, 3], bias=False), nn.GroupNorm(2, 4), nn.PReLU(3), nn.Unflatten(1, (2, 2)),
            ),
            "recurrent": nn.ModuleList(
                [nn.LSTM(3, 4, 2, batch_first=True, proj_size=2), nn.GRU(3, 4, bidirectional=True, bias=False),
                 nn.RNN(2, 2, nonlinearity="relu", num_layers=2, dropout=0.2)]
            ),
            "pooling": nn.Sequential(nn.MaxPool2d(3, 2, ceil_mode=True), nn.AvgPool2d((2, 1), count_include_pad=False),
                                     nn.AdaptiveMaxPool1d(3), nn.Upsample(scale_factor=2.0, mode="nearest")),
            "others": nn.Sequential(nn.LeakyReLU(0.2), nn.Softplus(2), nn.GELU("tanh"), nn.Dropout2d(0.3),
                                    nn.Identity(), nn.Linear(2, 3, dtype=torch.bfloat16), nn.Conv2d(3, 4, 3)),
        }
    )  # fmt: skip
    layers["others"][-1].to(memory_format=torch.channels_last)
    layers["others"][-1].weight.requires_grad_(False)
    before = torch.get_rng_state()
    loaded = again(EmbeddingTransformer(layers, sr=8000, window=1), tmp_path).embedding
    assert torch.equal(torch.get_rng_state(), before)
    assert repr(loaded) == repr(layers)
    assert {name: (p.requires_grad, p.dtype) for name, p in loaded.named_parameters()} == {
        name: (p.requires_grad, p.dtype) for name, p in layers.named_parameters()
    }
    for (name, one), other in zip(loaded.state_dict().items(), layers.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
        assert one.stride() == other.stride(), name


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_model_of_a_gpu_is_loaded_on_the_cpu_and_can_be_moved(tmp_path):
    X, y = make_input("segments"), labels_for(SSSLClassifier())
    fitted = SSSLClassifier(**SSSL, device="cuda").fit(X, y)
    loaded = again(fitted, tmp_path)
    assert next(loaded.net_.module_.parameters()).device.type == "cpu"
    assert loaded.device == "cuda"
    np.testing.assert_allclose(loaded.predict_proba(X), fitted.predict_proba(X), atol=1e-3)
    moved = load_model(tmp_path / "model.skmer", device="auto")
    assert next(moved.net_.module_.parameters()).device.type == "cuda"
    np.testing.assert_array_equal(moved.predict_proba(X), fitted.predict_proba(X))


@pytest.mark.parametrize("kind", [SegmentNet, TagNet, MaskedNet, _SongNet])
def test_all_parameters_of_the_nets_are_saved(kind):
    own = {name for cls in kind.__mro__ if issubclass(cls, RowNet) for name in inspect.signature(cls).parameters}
    saved = {*_NET_PARAMS, *_OWN_NET_PARAMS[kind.__name__]}
    assert own - saved == {"module", "kwargs"}


# ---- scikit-learn's estimators ---------------------------------------------------------------------

PAIRS = [("a", LogisticRegression()), ("b", GaussianNB())]
CLASSIFIERS = {
    "svc": SVC(probability=True, random_state=0),
    "svc-linear": SVC(kernel="linear", class_weight="balanced", break_ties=True, decision_function_shape="ovr"),
    "nu-svc": NuSVC(kernel="poly"),
    "linear-svc": LinearSVC(),
    "logistic": LogisticRegression(),
    "logistic-cv": LogisticRegressionCV(cv=2),
    "ridge": RidgeClassifier(),
    "forest": RandomForestClassifier(7, random_state=0),
    "forest-best-first": ExtraTreesClassifier(3, max_leaf_nodes=5, random_state=0),
    "tree": DecisionTreeClassifier(random_state=0),
    "bagging": BaggingClassifier(n_estimators=3, max_features=2, random_state=0),
    "adaboost": AdaBoostClassifier(n_estimators=3, random_state=0),
    "voting": VotingClassifier(PAIRS, voting="soft"),
    "stacking": StackingClassifier(PAIRS, cv=2),
    "neighbors": KNeighborsClassifier(weights="distance"),
    "neighbors-ball": KNeighborsClassifier(algorithm="ball_tree", metric="manhattan"),
    "neighbors-brute": KNeighborsClassifier(algorithm="brute"),
    "centroid": NearestCentroid(),
    "lda": LinearDiscriminantAnalysis(),
    "qda": QuadraticDiscriminantAnalysis(),
    "bayes": GaussianNB(),
    "dummy": DummyClassifier(strategy="stratified", random_state=0),
    "sigmoid": CalibratedClassifierCV(LinearSVC(), cv=2),
    "isotonic": CalibratedClassifierCV(FrozenEstimator(SVC()), method="isotonic"),
    "one-vs-rest": OneVsRestClassifier(make_pipeline(StandardScaler(), SVC())),
    "one-vs-one": OneVsOneClassifier(LinearSVC()),
    "search": GridSearchCV(Pipeline([("scaler", StandardScaler()), ("svm", SVC())]), {"svm__C": [0.1, 1]}, cv=2),
    "search-scores": GridSearchCV(SVC(), {"C": [0.1, 1]}, cv=StratifiedKFold(2), scoring="balanced_accuracy"),
    "columns": make_pipeline(
        ColumnTransformer([("a", StandardScaler(), [0, 1]), ("b", "passthrough", slice(2, 3))]), LogisticRegression()
    ),
    "union": make_pipeline(FeatureUnion([("pca", PCA(2)), ("best", SelectKBest(k=2))]), SVC()),
    "chain": make_pipeline(
        SimpleImputer(), MinMaxScaler(), RobustScaler(), QuantileTransformer(n_quantiles=20), PowerTransformer(),
        Normalizer(), VarianceThreshold(), SelectPercentile(percentile=80), RFE(LogisticRegression()),
        SelectFromModel(LogisticRegression()), FunctionTransformer(np.cbrt), LogisticRegression(),
    ),
}  # fmt: skip


def fitted_on_iris(model, of_two=False, multilabel=False):
    X, y = load_iris(return_X_y=True)
    X = X + np.random.default_rng(0).normal(size=X.shape) / 10
    y = np.array(["calm", "happy", "tense"])[y]
    if of_two:
        X, y = X[y != "calm"], y[y != "calm"]
    if multilabel:
        y = np.stack([y == "calm", y != "tense"], 1).astype(int)
    for frozen in (m for m in vars(model).values() if isinstance(m, FrozenEstimator)):
        frozen.estimator.fit(X, y)
    return model.fit(X, y), X


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_scikit_learns_classifiers_come_back_with_the_same_bits(name, tmp_path):
    fitted, X = fitted_on_iris(clone(CLASSIFIERS[name]))
    # of the search: the times of its fits are in it
    loaded = again(fitted, tmp_path)
    assert_same(outputs(fitted, X), outputs(loaded, X))
    if hasattr(fitted, "scorer_"):
        assert loaded.score(X, fitted.predict(X)) == fitted.score(X, fitted.predict(X))
        np.testing.assert_equal(loaded.cv_results_, fitted.cv_results_)


@pytest.mark.parametrize(
    "model",
    [
        MultiOutputClassifier(LogisticRegression()), ClassifierChain(LogisticRegression()),
        OneVsRestClassifier(SVC()), KNeighborsClassifier(), RandomForestClassifier(3, random_state=0),
        RandomForestRegressor(3, random_state=0),
    ],
)  # fmt: skip
def test_multilabel_models(model, tmp_path):
    fitted, X = fitted_on_iris(model, multilabel=True)
    assert_same(outputs(fitted, X), outputs(again(fitted, tmp_path), X))


@pytest.mark.parametrize(
    "model",
    [
        TunedThresholdClassifierCV(LogisticRegression(), cv=2),
        FixedThresholdClassifier(LogisticRegression(), threshold=0.3),
        SVC(kernel="sigmoid"),
    ],
)
def test_models_of_two_classes(model, tmp_path):
    fitted, X = fitted_on_iris(model, of_two=True)
    assert_same(outputs(fitted, X), outputs(again(fitted, tmp_path), X))


def test_plain_values_come_back(tmp_path):
    nan, inf = float("nan"), float("inf")
    values = [
        None, True, -0.0, nan, -inf, 2**80, "\udcff\x00é", (1, (2,)), {"a": {1: [2]}, ("b", 3): None}, slice(1, None),
        np.float32(0.1), np.str_("x"), np.bool_(True), np.int8(-3), np.dtype("int16"), np.float64, Path("a/b"),
        np.mean, partial(np.quantile, q=0.9), gaussian := skmer.sssl.gaussian_mixture_split,
        np.array(["a", "bc"]), np.array([1, "x", (2, None)], dtype=object), np.array(2.5), np.zeros((0, 3), np.uint8),
        np.arange(6.0).reshape(2, 3).T, np.arange(5, dtype=">i4"), np.ma.masked_array([1, 2], [True, False]),
        torch.arange(3), torch.ones(2, dtype=torch.bfloat16),
    ]  # fmt: skip
    loaded = again(FunctionTransformer(kw_args={"values": values}), tmp_path).kw_args["values"]
    assert loaded[19] is gaussian
    for one, other in zip(values, loaded, strict=True):
        assert type(one) is type(other)
        if isinstance(one, torch.Tensor):
            assert one.dtype == other.dtype
            assert torch.equal(one, other)
        elif isinstance(one, np.ndarray):
            assert one.dtype.newbyteorder("=") == other.dtype
            assert one.flags.f_contiguous == other.flags.f_contiguous
            np.testing.assert_array_equal(one, other)
        else:
            assert repr(one) == repr(other)


def test_an_array_is_stored_once_and_shared_where_it_was(tmp_path):
    big = np.arange(1000.0)
    loaded = again(FunctionTransformer(kw_args={"a": big, "b": big, "c": big.copy()}), tmp_path).kw_args
    assert (tmp_path / "model.skmer").stat().st_size < 10_000
    assert loaded["a"] is loaded["b"]
    loaded["a"][0] = -1
    assert loaded["c"][0] == 0


def test_random_states_requests_and_output_settings_come_back(tmp_path):
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(SVC().set_score_request(sample_weight="w"), {"C": [1]}, cv=GroupKFold(2))
        svm = SVC(random_state=np.random.RandomState(5)).set_fit_request(sample_weight=False)
        svm.random_state.normal()
        scaler = StandardScaler().set_output(transform="pandas")
        loaded = again(make_pipeline(scaler, svm), tmp_path)
        assert loaded[1].get_metadata_routing().fit.requests == svm.get_metadata_routing().fit.requests
        assert loaded[1].random_state.normal() == svm.random_state.normal()
        assert loaded[0]._sklearn_output_config == {"transform": "pandas"}
        assert repr(again(search, tmp_path)) == repr(search)


# ---- what cannot be saved --------------------------------------------------------------------------


class Own(TransformerMixin, BaseEstimator):
    """A transformer of the user."""

    def __init__(self, function=np.abs, mood=None):
        self.function = function
        self.mood = mood

    def fit(self, X, y=None):
        # a name that scikit-learn's isotonic regression has for a function
        self.f_ = np.mean(X, axis=0)
        return self

    def transform(self, X):
        return self.function(X - self.f_)


class Constant(ClassifierMixin, BaseEstimator):
    """Has a state that only pickle knows."""

    def fit(self, X, y):
        self.state_ = iter(())
        return self


def doubled(X):
    return 2 * X


def test_own_estimators_and_functions(tmp_path):
    X, y = load_iris(return_X_y=True)
    pipe = make_pipeline(Own(doubled), FunctionTransformer(partial(doubled)), SVC()).fit(X, y)
    loaded = again(pipe, tmp_path, types=[Own, doubled])
    np.testing.assert_array_equal(pipe.decision_function(X), loaded.decision_function(X))
    with pytest.raises(ModelFileError, match=r"it needs 'doubled' of the module .*: import it yourself and pass it"):
        load_model(tmp_path / "model.skmer", types=[Own])
    with pytest.raises(ValueError, match="two things of the name 'doubled'"):
        load_model(tmp_path / "model.skmer", types=[doubled, type("Some", (), {"__qualname__": "doubled"})])
    with pytest.raises(ValueError, match="types must hold classes and functions"):
        load_model(tmp_path / "model.skmer", types=["doubled"])


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            make_pipeline(SegmentTransformer(), SongAggregator(statistics=[lambda rows: rows[0]]), SVC()),
            r"^step 'songaggregator', parameter 'statistics': the function .*<lambda> has no name by which",
        ),
        (
            Pipeline([("a", FeatureUnion([("b", FunctionTransformer([].append))])), ("svm", SVC())]),
            r"^step 'a', step 'b', parameter 'func': <built-in method append .* is no function",
        ),
        (FunctionTransformer(kw_args={"i": iter("")}), "^FunctionTransformer, parameter 'kw_args': the str_.* has a"),
        (make_pipeline(SGDClassifier()), "^step 'sgdclassifier': the class SGDClassifier of sklearn is none of those"),
        (SVC(random_state=np.random.default_rng(0)), "^SVC, parameter 'random_state': the Generator has a state"),
        (FunctionTransformer(kw_args={"z": np.array([1j])}), "parameter 'kw_args': the array holds values of the type"),
        (make_pipeline(Constant().fit(0, 0)), "^step 'constant', attribute 'state_': the tuple_iterator has a state"),
    ],
)
def test_what_cannot_be_saved_is_named_with_step_and_parameter(model, message, tmp_path):
    with pytest.raises(ValueError, match=message) as caught:
        save_model(model, tmp_path / "model.skmer")
    assert str(caught.value).endswith("use joblib.dump, whose file runs code when it is loaded.")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_contains_itself_is_refused(tmp_path):
    transformer = FunctionTransformer(kw_args={})
    transformer.kw_args["self"] = transformer
    with pytest.raises(ValueError, match="it contains itself"):
        save_model(transformer, tmp_path / "model.skmer")
    nested = []
    nested.append(nested)
    with pytest.raises(ValueError, match="nested too deeply"):
        save_model(FunctionTransformer(kw_args=nested), tmp_path / "model.skmer")


def test_a_trained_model_has_a_function_of_its_own(tmp_path):
    with pytest.raises(ValueError, match=r"got TrainedModel: use skmer\.models\.save_trained_model"):
        save_model(TrainedModel(SVC(), {}), tmp_path / "model.skmer")


def test_a_device_that_is_not_there(tmp_path):
    path = save_model(SVC(), tmp_path / "model.skmer")
    with pytest.raises(ValueError, match="device='moon' is unknown"):
        load_model(path, device="moon")


@pytest.mark.parametrize("model", [None, "model", np.zeros(3), {"a": SVC()}, SVC])
def test_only_estimators_are_saved(model, tmp_path):
    with pytest.raises(ValueError, match="model must be an estimator, such as a Pipeline"):
        save_model(model, tmp_path / "model.skmer")


def test_the_name_of_a_pickle_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"expected to be a pickle: name it model\.skmer"):
        save_model(SVC(), tmp_path / "model.joblib")


def test_a_label_strategy_comes_back(tmp_path):
    loaded = again(SSSLClassifier("mlp", noise_model=GMMSplit(clean_threshold=0.7)), tmp_path)
    assert loaded.noise_model.get_params() == GMMSplit(clean_threshold=0.7).get_params()


def test_the_file_is_a_zip_of_json_and_safetensors(tmp_path):
    path = save_model(tiny_pipeline(), tmp_path / "model.skmer")
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["model.json", "arrays.safetensors"]
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())
        assert archive.testzip() is None
        tree = json.loads(archive.read("model.json"))
    assert tree["format"] == 1
    assert tree["versions"]["skmer"] == skmer.__version__
    assert re.match(rb"skmer model, SHA-256 .*[0-9a-f]{64}$", archive.comment)
