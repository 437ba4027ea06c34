"""The closed table of the classes and functions that a model file can name, and names of a user's own."""

from functools import cache
from importlib import import_module

__all__ = ["Types", "describe", "is_known"]

_TABLE = {
    # ---- skmer
    "skmer.aggregation": "LongestRun MajorityVote SongAggregator SpectrogramStatistics song_statistics",
    "skmer.backbones": "CRNN MLP MultiBranchCNN SmallCNN VGG16 VGG16BatchNorm VGGish ConvBlock GeM StochasticConvBlock",
    "skmer.backbones.crnn": "_Branch",
    "skmer.curves": "CurveRegressor",
    "skmer.embeddings._musicnn_network": "MusicnnNetwork _Affine _FilterBank _MidLayer",
    "skmer.feature_extraction": (
        "DescriptorTransformer EmbeddingTransformer SegmentShortening SegmentStatistics SegmentTransformer "
        "TaggingTransformer"
    ),
    "skmer.features": "dynamics rhythm timbre tonality",
    "skmer.metrics": "concordance_correlation_coefficient pearson_correlation_coefficient",
    "skmer.model_selection": "RatingClassifier emotion_scores tag_scores",
    "skmer.pipelines": "CalibratedSVC SongPipeline",
    "skmer.sssl": "GMMSplit SSSLClassifier SSSLRegressor SelfLearning Split gaussian_mixture_split",
    "skmer.sssl.losses": "SSSLLoss",
    "skmer.sssl.net": "SegmentNet",
    "skmer.sssl.rating_net": "RatingNet",
    "skmer.sssl.regression_loss": "SSSLRegressionLoss",
    "skmer.tagging": "EmotionTagger LongShortEnsemble NoisyStudentTagger",
    "skmer.tagging.musicnn": "MostProbableTags",
    "skmer.tagging.net": "TagNet",
    "skmer.training.callbacks": "AverageWeights",
    "skmer.training.data": "Standardizer",
    "skmer.two_stage": "BiLSTM BiLSTMClassifier MaskedMelAutoencoder MelAutoencoder",
    "skmer.two_stage.autoencoder": "MaskedNet",
    "skmer.two_stage.bilstm": "_SongNet",
    # ---- scikit-learn
    "sklearn.calibration": "CalibratedClassifierCV _CalibratedClassifier _SigmoidCalibration _TemperatureScaling",
    "sklearn.compose": "ColumnTransformer TransformedTargetRegressor",
    "sklearn.decomposition": "PCA",
    "sklearn.discriminant_analysis": "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
    "sklearn.dummy": "DummyClassifier DummyRegressor",
    "sklearn.ensemble": (
        "AdaBoostClassifier BaggingClassifier ExtraTreesClassifier ExtraTreesRegressor RandomForestClassifier "
        "RandomForestRegressor StackingClassifier StackingRegressor VotingClassifier VotingRegressor"
    ),
    "sklearn.feature_selection": (
        "RFE RFECV SelectFromModel SelectKBest SelectPercentile SequentialFeatureSelector VarianceThreshold chi2 "
        "f_classif f_regression mutual_info_classif mutual_info_regression"
    ),
    "sklearn.frozen": "FrozenEstimator",
    "sklearn.impute": "MissingIndicator SimpleImputer",
    "sklearn.isotonic": "IsotonicRegression",
    "sklearn.kernel_ridge": "KernelRidge",
    "sklearn.linear_model": (
        "BayesianRidge ElasticNet HuberRegressor Lasso LinearRegression LogisticRegression LogisticRegressionCV Ridge "
        "RidgeCV RidgeClassifier"
    ),
    "sklearn.metrics": (
        "accuracy_score average_precision_score balanced_accuracy_score brier_score_loss cohen_kappa_score f1_score "
        "hamming_loss jaccard_score log_loss matthews_corrcoef mean_absolute_error mean_squared_error precision_score "
        "r2_score recall_score roc_auc_score root_mean_squared_error top_k_accuracy_score"
    ),
    "sklearn.metrics._scorer": "_CurveScorer _PassthroughScorer _Scorer",
    "sklearn.model_selection": (
        "FixedThresholdClassifier GridSearchCV GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut "
        "PredefinedSplit RandomizedSearchCV RepeatedKFold RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold "
        "StratifiedKFold StratifiedShuffleSplit TunedThresholdClassifierCV"
    ),
    "sklearn.multiclass": "OneVsOneClassifier OneVsRestClassifier OutputCodeClassifier _ConstantPredictor",
    "sklearn.multioutput": "ClassifierChain MultiOutputClassifier MultiOutputRegressor RegressorChain",
    "sklearn.naive_bayes": "GaussianNB",
    "sklearn.neighbors": "KNeighborsClassifier KNeighborsRegressor NearestCentroid",
    "sklearn.pipeline": "FeatureUnion Pipeline",
    "sklearn.preprocessing": (
        "Binarizer FunctionTransformer LabelBinarizer LabelEncoder MaxAbsScaler MinMaxScaler MultiLabelBinarizer "
        "Normalizer PowerTransformer QuantileTransformer RobustScaler StandardScaler"
    ),
    "sklearn.semi_supervised": "SelfTrainingClassifier",
    "sklearn.svm": "LinearSVC LinearSVR NuSVC NuSVR SVC SVR",
    "sklearn.tree": "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor",
    # ---- callbacks and layers
    "skorch.callbacks": "EarlyStopping GradientNormClipping",
    "torch.nn": (
        "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveMaxPool1d AdaptiveMaxPool2d AvgPool1d AvgPool2d BatchNorm1d "
        "BatchNorm2d Conv1d Conv2d ConvTranspose1d ConvTranspose2d Dropout Dropout1d Dropout2d ELU Flatten GELU GRU "
        "GroupNorm Hardswish Hardtanh Identity InstanceNorm1d InstanceNorm2d LSTM LayerNorm LeakyReLU Linear "
        "LogSoftmax MaxPool1d MaxPool2d Mish ModuleDict ModuleList PReLU RNN ReLU ReLU6 SELU Sequential SiLU Sigmoid "
        "Softmax Softplus Tanh Unflatten Upsample ZeroPad2d"
    ),
    # ---- functions and types
    "numpy": (
        "abs absolute amax amin arcsinh average bool bool_ cbrt clip exp exp2 expm1 float16 float32 float64 int16 "
        "int32 int64 int8 log log10 log1p log2 max mean median min nanmax nanmean nanmedian nanmin nanpercentile "
        "nanquantile nanstd nansum nanvar percentile prod ptp quantile reciprocal sign sqrt square std sum tanh uint16 "
        "uint32 uint64 uint8 var"
    ),
    "scipy.special": "expit logit",
    "builtins": "bool float int object str",
}
"""Names by module. What can be named here can be called by whoever writes a model file."""

_KEYS = {f"{module}.{name}": module for module, names in _TABLE.items() for name in names.split()}


@cache
def _find(key):
    """Return the class or function of a key of the table; only modules that the table names are imported."""
    return getattr(import_module(_KEYS[key]), key.rpartition(".")[2], None)


def _key_of(thing):
    """Return the key of a class or function; None for others."""
    name = getattr(thing, "__name__", None)
    keys = (key for key in _KEYS if key.rpartition(".")[2] == name)
    return next((key for key in keys if _find(key) is thing), None)


def _own_name(thing):
    """Return the name by which a user's class or function is found again; None if it has none."""
    name = getattr(thing, "__qualname__", None)
    return name if isinstance(name, str) and name.rpartition(".")[2].isidentifier() else None


def describe(thing):
    """Return a class or function as a node: a key of the table, or the name of a user's own; None if it has none."""
    key = _key_of(thing)
    if key is not None:
        return {"type": key}
    name = _own_name(thing)
    return None if name is None else {"own": name, "module": str(getattr(thing, "__module__", ""))}


class Types:
    """The classes and functions that a file may name: those of the table, and those passed to `load_model`."""

    def __init__(self, own=()):
        self._own: dict = {}
        for thing in own:
            name = _own_name(thing)
            if name is None or not callable(thing):
                raise ValueError(f"types must hold classes and functions, which have a name, got {thing!r}.")
            if self._own.setdefault(name, thing) is not thing:
                raise ValueError(f"types holds two things of the name {name!r}: rename one.")

    def find(self, node):
        """Return the class or function that a node names."""
        if "own" in node:
            name, module = node["own"], node.get("module")
            if not isinstance(name, str) or name not in self._own:
                raise ValueError(
                    f"it needs {name!r} of the module {module!r}, which is not part of skmer: import it yourself and "
                    f"pass it, load_model(path, types=[{str(name).rpartition('.')[2]}])"
                )
            return self._own[name]
        key = node.get("type")
        if not isinstance(key, str) or key not in _KEYS:
            raise ValueError(f"it names {key!r}, which is none of the types that a model file may name")
        found = _find(key)
        if found is None:
            raise ValueError(f"it names {key!r}, which the installed version does not have")
        return found

    def find_class(self, node, base):
        """Return the class that a node names, which must be derived from `base`."""
        found = self.find(node)
        if not (isinstance(found, type) and issubclass(found, base)):
            raise ValueError(f"{node.get('type', node.get('own'))!r} is no {base.__name__}")
        return found


def is_known(cls):
    """Return whether a class is in the table."""
    return _key_of(cls) is not None
