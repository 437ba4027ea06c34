"""Input validation of estimators: songs, plain rows, labels and groups."""

from collections.abc import Mapping

import numpy as np
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, validate_data

from skmer._inputs import check_not_empty, check_not_paths, depth, label_array, unwrap
from skmer._io import format_names
from skmer.songs import SongSequence, as_song_sequence, is_song_data

__all__ = [
    "NonFiniteSongError",
    "as_label_array",
    "check_finite",
    "check_labels",
    "check_not_missing",
    "check_sample_weight",
    "check_segment_names",
    "check_segment_values",
    "check_songs",
    "check_spectrograms",
    "check_training_classes",
    "check_training_data",
    "encode_groups",
    "is_unlabelled",
    "iter_finite",
    "multiply_class_weight",
]

_RATINGS_HINT = (
    "To convert ratings to classes, pass a threshold to the loader of a dataset, or use "
    "skmer.model_selection.Protocol, which computes the median of the training songs."
)


# ---- labels and groups ------------------------------------------------------------------------------


def check_not_missing(y, name="y"):
    """Raise ValueError if a label is None, NaN or pandas' NA; None as `y` is accepted."""
    if y is None:
        return
    labels = np.asarray(unwrap(y, name), dtype=object).ravel()
    missing = next((i for i, label in enumerate(labels) if _is_missing(label)), None)
    if missing is not None:
        what = "group" if name == "groups" else "label"
        raise ValueError(f"{name} has no {what} for song {missing}: pass one {what} per song.")


def _is_missing(label):
    try:
        return label is None or bool(label != label)
    except TypeError:
        # pandas' NA has no truth value
        return True


def as_label_array(y, warn=False):
    """Return labels as an array, in which -1 stays a number beside text: NumPy would convert it to text."""
    items = unwrap(y, "y")
    mixed = isinstance(items, list | tuple) and len({isinstance(item, str) for item in items}) > 1
    return column_or_1d(np.array(items, dtype=object) if mixed else label_array(y), warn=warn)


def is_unlabelled(y):
    """Return which labels of an array are -1, which means unlabelled as in scikit-learn's semi-supervised learners."""
    if y.dtype.kind in "OU":
        texts = [label for label in y if isinstance(label, str)]
        # where all are numbers, the text is the name of a class
        if "-1" in texts and not all(text.lstrip("-").isdigit() for text in texts):
            raise ValueError(
                "y has the text '-1': for unlabelled songs pass the number -1, in a list or an array of dtype object, "
                "and rename a class of this name."
            )
        return np.array([not isinstance(label, str) and label == -1 for label in y], dtype=bool)
    return y == -1 if y.dtype.kind in "if" else np.zeros(len(y), dtype=bool)


def check_labels(estimator, y, n_songs, unlabelled=False):
    """Return the sorted classes in `y`, and the position of each song's label among them.

    Labels of -1 mean unlabelled, and are at the position -1; unless `unlabelled`, they are an error beside two classes,
    and the name of a class beside one.
    """
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but the target y is None.")
    check_not_missing(y)
    shape = label_array(y).shape
    if len(shape) == 2 and shape[1] > 1:
        raise ValueError(f"y should be a 1d array with one label per song, got shape {shape}. {_RATINGS_HINT}")
    y = as_label_array(y, warn=True)
    if len(y) != n_songs:
        raise ValueError(f"X has {n_songs} songs but y has {len(y)} labels: pass one label per song.")
    without = is_unlabelled(y)
    if not unlabelled and y.dtype.kind in "if" and len(np.unique(y)) < 3:
        without[:] = False
    if without.any():
        if not unlabelled:
            raise ValueError(
                f"y has -1 for song {without.argmax()}, which means unlabelled, and {type(estimator).__name__} cannot "
                "use such songs: leave them out, or give the class another name."
            )
        y = y[~without]
        # numbers beside -1 in an array of dtype object
        y = y if any(isinstance(label, str) for label in y) else np.array(y.tolist())
    if not len(y):
        raise ValueError("y is -1, which means unlabelled, for all songs: pass the labels of some of them.")
    try:
        check_classification_targets(y)
    except ValueError as error:
        raise ValueError(f"Unknown label type: {type_of_target(y)}, expected classes. {_RATINGS_HINT}") from error
    classes, of_labelled = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        beside = ", beside -1, which means unlabelled" if without.any() else ""
        raise ValueError(f"y has one class only, {str(classes[0])!r}{beside}: a classifier requires at least two.")
    positions = np.full(n_songs, -1)
    positions[~without] = of_labelled
    return classes, positions


def check_sample_weight(sample_weight, labels, classes):
    """Return the weight of each song, or None; raise if a class has no weight. `labels` are positions in `classes`."""
    if sample_weight is None:
        return None
    sample_weight = label_array(sample_weight, "sample_weight")
    shape = sample_weight.shape
    if shape not in ((), (len(labels),)):
        raise ValueError(f"sample_weight has shape {shape} for {len(labels)} songs: pass one weight per song.")
    # [()]: a number, which is not an array of no dimensions
    weights = _check_sample_weight(sample_weight[()], labels, dtype=np.float64, ensure_non_negative=True)
    for position, name in enumerate(classes):
        if not weights[labels == position].any():
            raise ValueError(
                f"sample_weight is zero for all songs of the class {str(name)!r}: give one of them a weight, or leave "
                "the class out."
            )
    return weights


def multiply_class_weight(weights, class_weight, labels, classes):
    """Return the weight of each row times that of its class, with mean 1 over labelled rows, or None if all are equal.

    Rows are songs or segments; `labels` are positions in `classes`, `weights` may be None. A row without a label has
    the mean weight of the classes of labelled rows.
    """
    labelled = labels >= 0
    weights = np.ones(len(labels)) if weights is None else weights
    given = classes[labels[labelled]]
    of_classes = compute_class_weight(class_weight, classes=classes, y=given, sample_weight=weights[labelled])
    for name, weight in zip(classes, of_classes, strict=True):
        # also False for NaN
        if not 0 < weight < np.inf:
            raise ValueError(
                f"class_weight of {str(name)!r} must be a positive number, got {weight:g}: to train without a class, "
                "leave out its songs."
            )
    of_rows = of_classes[labels]
    of_rows[~labelled] = np.average(of_rows[labelled], weights=weights[labelled])
    weights = weights * of_rows
    return None if (weights == weights[0]).all() else weights / weights[labelled].mean()


def check_training_classes(labels, fold):
    """Raise ValueError if the training songs of a fold have one class only; the message begins with its name."""
    classes = np.unique(labels)
    if len(classes) < 2:
        found = f"are all of the class {str(classes[0])!r}" if len(classes) else "have no labels"
        raise ValueError(
            f"{fold}: its training songs {found}, but two classes are needed: use fewer or stratified folds, or add "
            "songs (or groups) of the other classes."
        )


def encode_groups(groups, n_songs):
    """Return the group of each song as an integer; without groups, each song is a group of its own."""
    if groups is None:
        return np.arange(n_songs)
    groups = label_array(groups, "groups")
    if groups.shape not in [(n_songs,), (n_songs, 1)]:
        raise ValueError(f"groups has shape {groups.shape} for {n_songs} songs: pass one group per song.")
    check_not_missing(groups, "groups")
    try:
        return np.unique(groups.ravel(), return_inverse=True)[1]
    except TypeError:
        raise ValueError("groups holds values that cannot be sorted: pass numbers only, or texts only.") from None


# ---- songs ------------------------------------------------------------------------------------------


def check_songs(estimator, X, reset=True):
    """Return X as a SongSequence, and whether it was plain rows, which become songs of one segment.

    With `reset`, set ``segment_shape_`` and, for plain rows, ``n_features_in_`` of the estimator; otherwise raise if X
    does not match them. The attribute ``_songs_from`` of a class names the step that computes its songs.
    """
    name, songs_from = type(estimator).__name__, getattr(estimator, "_songs_from", "SegmentTransformer")
    X = unwrap(X)
    check_not_empty(X)
    check_not_paths(X, songs_from, name)
    plain = not is_song_data(X)
    if plain and not reset and not hasattr(estimator, "n_features_in_"):
        raise ValueError(
            f"X must hold songs, such as the output of SegmentTransformer or a list of arrays, since {name} was fitted "
            f"on songs with segments of shape {estimator.segment_shape_}."
        )
    if plain:
        rows = _check_rows(estimator, X, reset, songs_from)
        songs = SongSequence(rows[:, None, :])
    else:
        songs = as_song_sequence(X)
    if reset:
        estimator.segment_shape_ = songs.segment_shape
    else:
        _check_segment_shape(estimator, songs)
    if not plain:
        check_segment_names(estimator, songs, reset)
    return songs, plain


def _check_rows(estimator, X, reset, songs_from):
    """Return plain rows as an array; `songs_from` names the step that computes songs from recordings."""
    if isinstance(X, list | tuple):
        lengths = {len(row) for row in X if depth(row) == 1}
        if len(lengths) > 1:
            raise ValueError(
                f"X has rows of unequal lengths, such as {min(lengths)} and {max(lengths)}: if they are waveforms, put "
                f"{songs_from} before {type(estimator).__name__}."
            )
        wrong = next((i for i, row in enumerate(X) if isinstance(row, Mapping)), None)
        if wrong is not None:
            raise ValueError(f"Item {wrong} of X is a {type(X[wrong]).__name__}: pass an array for each song.")
    try:
        return validate_data(estimator, X, reset=reset, dtype=(np.float64, np.float32))
    except ValueError as error:
        if "with a sequence" not in str(error):
            raise
        raise ValueError(
            "X must hold one row of numbers per song, or songs of shape (n_segments, ...) as a list or as a table with "
            f"no other column, got {type(X).__name__}."
        ) from error


def check_segment_names(estimator, songs, reset):
    """Check the names of the values of a segment against those in `fit`; with `reset`, store them instead.

    Songs without names are accepted, as an estimator of scikit-learn accepts an array after a table.
    """
    if reset:
        # from an earlier fit
        estimator.__dict__.pop("feature_names_in_", None)
        if songs.names is not None:
            estimator.feature_names_in_ = np.array(songs.names, dtype=object)
    elif songs.names is not None and list(songs.names) != list(getattr(estimator, "feature_names_in_", songs.names)):
        raise ValueError(
            f"The values of a segment are named {format_names(songs.names, most=5)}, but {type(estimator).__name__} "
            f"was fitted on {format_names(estimator.feature_names_in_, most=5)}: use the same steps before it."
        )


def _check_segment_shape(estimator, songs):
    if songs.segment_shape != estimator.segment_shape_:
        spectrograms = len(songs.segment_shape) == len(estimator.segment_shape_) == 2
        settings = "duration and spectrogram settings" if spectrograms else "steps with the same settings before it"
        raise ValueError(
            f"X has segments of shape {songs.segment_shape}, but {type(estimator).__name__} was fitted on "
            f"{estimator.segment_shape_}: use the same {settings}."
        )


def check_training_data(estimator, X, y, groups=None, unlabelled=False):
    """Validate X, y and groups of a fit; return songs, classes, and the position of each song's label among them.

    If `unlabelled`, a label may be -1, and is at the position -1.
    """
    if not is_song_data(X):
        check_not_missing(y)
    songs, _ = check_songs(estimator, X)
    classes, labels = check_labels(estimator, y, len(songs), unlabelled)
    encode_groups(groups, len(songs))
    return songs, classes, labels


def check_spectrograms(estimator, X, name="X", reset=True):
    """Return songs of spectrogram segments, of the same shape as in `fit` unless `reset`."""
    step = type(estimator).__name__
    X = unwrap(X, name)
    check_not_empty(X, name)
    check_not_paths(X, "SegmentTransformer", step, name)
    songs = as_song_sequence(X) if is_song_data(X) else None
    if songs is None or len(songs.segment_shape) != 2:
        given = "plain rows" if songs is None else f"segments of shape {songs.segment_shape}"
        raise ValueError(
            f"{step} requires songs of shape (n_segments, n_mels, n_frames), such as the output of SegmentTransformer, "
            f"but {name} holds {given}."
        )
    if not reset:
        _check_segment_shape(estimator, songs)
        check_segment_names(estimator, songs, reset)
    return songs


class NonFiniteSongError(ValueError):
    """A song holds NaN or infinity; `song` is its position in `collection`, the name of a parameter such as X."""

    def __init__(self, song, collection):
        super().__init__(song, collection)
        self.song, self.collection = song, collection

    def __str__(self):
        return f"Song {self.song} of {self.collection} has NaN or infinity: repair its recording or leave it out."


def iter_finite(songs, name="X"):
    """Yield the segments of each song, or the frames of which they are windows; raise if a value is not finite."""
    for i in range(len(songs)):
        song = songs[i] if songs.window is None else songs.frames(i)
        if not np.isfinite(song).all():
            raise NonFiniteSongError(i, name)
        yield song


def check_finite(songs, name="X"):
    """Raise NonFiniteSongError for the first song of a SongSequence that holds NaN or infinity."""
    for _ in iter_finite(songs, name):
        pass


def check_segment_values(estimator, X, reset):
    """Return the segments of all songs, the number of segments of each song, and the names of the values or None.

    With `reset`, as in `fit`, ``n_features_in_`` is set; otherwise the number of features is checked against it.
    """
    name, songs_from = type(estimator).__name__, "SegmentTransformer and SSSLClassifier"
    X = unwrap(X)
    check_not_empty(X)
    check_not_paths(X, songs_from, name)
    if not is_song_data(X):
        values = _check_rows(estimator, X, reset, songs_from)
        return values, np.ones(len(values), dtype=np.intp), getattr(estimator, "feature_names_in_", None)
    songs = as_song_sequence(X)
    if len(songs.segment_shape) != 1:
        raise ValueError(
            f"{name} takes songs of shape (n_segments, n_classes), but their segments have shape "
            f"{songs.segment_shape}: put a classifier such as SSSLClassifier before it."
        )
    if reset:
        estimator.n_features_in_ = songs.segment_shape[0]
        # from an earlier fit
        estimator.__dict__.pop("feature_names_in_", None)
    elif songs.segment_shape[0] != estimator.n_features_in_:
        raise ValueError(
            f"X has {songs.segment_shape[0]} features, but {name} is expecting {estimator.n_features_in_} features "
            "as input."
        )
    values = np.concatenate(list(songs))
    if not np.isfinite(values).all():
        bad = next(i for i, song in enumerate(songs) if not np.isfinite(song).all())
        raise ValueError(f"Song {bad} has NaN or infinity among its segment values.")
    return values, songs.n_segments, songs.names
