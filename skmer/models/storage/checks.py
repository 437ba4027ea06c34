"""Estimators whose fitted attributes are used by compiled code, which does not check them."""

import numpy as np
from sklearn.ensemble._forest import BaseForest
from sklearn.isotonic import IsotonicRegression
from sklearn.neighbors import BallTree, KDTree, KNeighborsClassifier
from sklearn.neighbors._base import NeighborsBase
from sklearn.svm import SVC, NuSVC
from sklearn.tree import BaseDecisionTree
from sklearn.tree._tree import NODE_DTYPE, Tree

__all__ = ["COMPUTED", "build_tree", "complete"]

COMPUTED = ((NeighborsBase, "_tree"), (IsotonicRegression, "f_"))
"""Attributes that are not saved, but computed again from others."""

_LEAF = -1


def complete(estimator):
    """Check a loaded estimator, and compute the attributes that are not saved."""
    for kind, check in _CHECKS.items():
        if isinstance(estimator, kind):
            check(estimator)


def _require(condition, estimator, what):
    if not condition:
        raise ValueError(f"{what} of {type(estimator).__name__} are inconsistent")


def _check_svm(svm):
    if not hasattr(svm, "support_vectors_"):
        _require(not {"_dual_coef_", "support_"} & set(vars(svm)), svm, "the attributes")
        return
    n_classes, n, width = len(svm.classes_), len(svm.support_), svm.n_features_in_
    pairs = n_classes * (n_classes - 1) // 2
    shapes = {
        "support_": (n,),
        "_n_support": (n_classes,),
        "_dual_coef_": (n_classes - 1, n),
        "_intercept_": (pairs,),
        "dual_coef_": (n_classes - 1, n),
        "intercept_": (pairs,),
    }
    is_dense = not svm._sparse and all(isinstance(getattr(svm, name), np.ndarray) for name in shapes)
    _require(n_classes > 1 and is_dense, svm, "the attributes")
    _require(all(getattr(svm, name).shape == shape for name, shape in shapes.items()), svm, "the shapes")
    _require({svm._probA.shape, svm._probB.shape} <= {(0,), (pairs,)}, svm, "the shapes")
    _require(svm._probA.shape == svm._probB.shape, svm, "the shapes")
    counts = svm._n_support.astype(np.int64)
    _require((counts >= 0).all() and counts.sum() == n, svm, "the counts of support vectors")
    if svm.kernel == "precomputed" or callable(svm.kernel):
        _require(((svm.support_ >= 0) & (svm.support_ < svm.shape_fit_[0])).all(), svm, "the support vectors")
    else:
        _require(svm.support_vectors_.shape == (n, width), svm, "the support vectors")


def _check_tree_estimator(estimator):
    if not hasattr(estimator, "tree_"):
        return
    tree = estimator.tree_
    _require(isinstance(tree, Tree) and tree.n_features == estimator.n_features_in_, estimator, "the features")


def _check_forest(forest):
    for tree in getattr(forest, "estimators_", ()):
        _require(isinstance(tree, BaseDecisionTree), forest, "the trees")
        _require(tree.n_features_in_ == forest.n_features_in_, forest, "the features")


def _complete_neighbors(neighbors):
    if not hasattr(neighbors, "_fit_X"):
        return
    X = neighbors._fit_X
    shape = (neighbors.n_samples_fit_, neighbors.n_features_in_)
    _require(isinstance(X, np.ndarray) and X.dtype.kind == "f" and X.shape == shape, neighbors, "the samples")
    if isinstance(neighbors, KNeighborsClassifier):
        y, classes = neighbors._y, neighbors.classes_
        of_each = classes if isinstance(classes, list) else [classes]
        _require(isinstance(y, np.ndarray) and y.dtype.kind == "i" and len(y) == len(X), neighbors, "the labels")
        columns = y.reshape(len(y), -1).T
        _require(len(columns) == len(of_each), neighbors, "the labels")
        for column, own in zip(columns, of_each, strict=True):
            _require(((column >= 0) & (column < len(own))).all(), neighbors, "the labels")
    tree = {"kd_tree": KDTree, "ball_tree": BallTree}.get(neighbors._fit_method)
    if tree is not None:
        params = neighbors.effective_metric_params_
        neighbors._tree = tree(X, neighbors.leaf_size, metric=neighbors.effective_metric_, **params)
    else:
        neighbors._tree = None


def _complete_isotonic(isotonic):
    if hasattr(isotonic, "X_thresholds_"):
        isotonic._build_f(isotonic.X_thresholds_, isotonic.y_thresholds_)


_CHECKS = {
    SVC: _check_svm,
    NuSVC: _check_svm,
    BaseDecisionTree: _check_tree_estimator,
    BaseForest: _check_forest,
    NeighborsBase: _complete_neighbors,
    IsotonicRegression: _complete_isotonic,
}


def build_tree(n_features, n_classes, nodes, values):
    """Build the tree of a decision tree from the fields of its nodes, none of which leads outside of it."""
    n_classes = np.asarray(n_classes, dtype=np.intp)
    n = len(nodes["left_child"])
    is_valid = (
        set(nodes) <= set(NODE_DTYPE.names)
        and all(field.shape == (n,) for field in nodes.values())
        and n_classes.ndim == 1
        and values.shape == (n, len(n_classes), n_classes.max())
        and values.dtype == np.float64
        and isinstance(n_features, int)
        and 0 < n_features < 2**31
        and n > 0
        and (n_classes > 0).all()
    )
    if not is_valid:
        raise ValueError("the arrays of a tree have other shapes than its nodes")
    left, right, feature = (nodes[name].astype(np.int64) for name in ("left_child", "right_child", "feature"))
    inner = left != _LEAF
    # a child comes after its parent, so that each path ends
    after = np.arange(n)[inner]
    inside = (left[inner] > after) & (left[inner] < n) & (right[inner] > after) & (right[inner] < n)
    if not (inside.all() and (right[~inner] == _LEAF).all()):
        raise ValueError("the children of a tree are inconsistent")
    if not ((feature[inner] >= 0) & (feature[inner] < n_features)).all():
        raise ValueError("the features of a tree are inconsistent")
    records = np.zeros(n, NODE_DTYPE)
    for name, field in nodes.items():
        records[name] = field
    tree = Tree(n_features, n_classes, len(n_classes))
    depth = _depth(left, right)
    tree.__setstate__({"max_depth": depth, "node_count": n, "nodes": records, "values": np.ascontiguousarray(values)})
    return tree


def _depth(left, right):
    """Return the length of the longest path; a tree of n nodes has at most n levels."""
    level, depth = np.zeros(1, np.int64), 0
    while len(level := level[left[level] != _LEAF]):
        level = np.unique(np.concatenate([left[level], right[level]]))
        depth += 1
    return depth
