"""The steps of nested pipelines: each leaf once and in order, and those that take the input."""

from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import SVC

from skmer import make_joined_pipeline, make_multi_duration_pipeline, make_sssl_pipeline
from skmer._pipeline_steps import first_steps, leaf_steps


def names(steps):
    return [name for name, _ in steps]


def test_the_steps_of_a_union_are_those_of_its_parts():
    pipe = make_joined_pipeline()
    network = ["segments", "segment_statistics", "sssl", "statistics"]
    assert names(leaf_steps(pipe)) == [*network, "descriptors", "scaler", "svm"]
    assert names(first_steps(pipe)) == ["segments", "descriptors"]
    parts = dict(pipe["features"].transformer_list)
    assert dict(leaf_steps(pipe))["sssl"] is parts["network"]["sssl"]
    assert [step for _, step in first_steps(pipe)] == [parts["network"][0], parts["descriptors"]]


def test_a_union_after_the_first_step_does_not_take_the_input():
    pipe = make_multi_duration_pipeline([1, 2], backbone="small")
    assert names(first_steps(pipe)) == ["segments"]
    assert names(leaf_steps(pipe)).count("sssl") == 2


def test_the_steps_of_a_plain_pipeline_are_its_own():
    pipe = make_sssl_pipeline()
    assert list(leaf_steps(pipe)) == pipe.steps
    assert list(first_steps(pipe)) == pipe.steps[:1]
    svm = SVC()
    assert list(leaf_steps(svm, "svm")) == list(first_steps(svm, "svm")) == [("svm", svm)]


def test_what_is_dropped_or_passed_through_is_no_step():
    inner = Pipeline([("none", None), ("passed", "passthrough"), ("scaler", StandardScaler()), ("svm", SVC())])
    union = FeatureUnion([("gone", "drop"), ("all", "passthrough"), ("log", FunctionTransformer())])
    pipe = Pipeline([("first", "passthrough"), ("union", union), ("inner", inner)])
    assert names(leaf_steps(pipe)) == ["log", "scaler", "svm"]
    assert names(first_steps(pipe)) == ["log"]
    assert names(first_steps(inner)) == ["scaler"]
    assert list(first_steps(Pipeline([("passed", "passthrough")]))) == []
