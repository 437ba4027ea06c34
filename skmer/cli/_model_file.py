"""The model that a command is given: its help, and how it is opened."""

import os
import warnings

from skmer.cli._common import CommandError

__all__ = ["MODEL_HELP", "TRUST", "load_model"]

TRUST = (
    "MODEL is opened with joblib.load, which runs whatever code the file holds: "
    "use only models from people that you trust."
)
MODEL_HELP = "fitted pipeline, as `skmer train` or joblib.dump(pipe, MODEL) wrote it"
_TEXTS = (".json", ".jsonl", ".csv", ".md", ".txt", ".html")


def load_model(path, whole_songs=False):
    """Open a model and check that it is one of ours; give it, its predictor and the remarks of its opening.

    The predictor is a `SegmentPredictor`; where `whole_songs` is true, it may be a `SongPredictor` or `TagPredictor`,
    which are refused otherwise.
    """
    if os.path.isdir(path):
        raise CommandError(f"{path}: this is a folder. Name the model's file.")
    if not os.path.isfile(path):
        raise CommandError(
            f"{path}: there is no such model. Write one with `skmer train SONGS --out {path}`, or in Python with "
            f"joblib.dump(pipe, {path!r})."
        )
    if str(path).lower().endswith(_TEXTS):
        raise CommandError(
            f"{path}: this is a text by its name, and no model. MODEL is the file that `skmer train` wrote beside its "
            "card, such as model.joblib."
        )
    import joblib

    from skmer.inspection.over_time import SegmentPredictor
    from skmer.inspection.predictors import predictor_of
    from skmer.inspection.tagged_songs import TagPredictor

    advice = "MODEL must be a fitted pipeline that joblib.dump wrote, opened with the packages that it needs."
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default", UserWarning)
        try:
            model = joblib.load(path)
        # a damaged or foreign pickle can raise anything
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise CommandError(f"{path}: this model cannot be opened ({reason}). {advice}") from error
    try:
        predictor = predictor_of(model)
    except ValueError as error:
        raise CommandError(f"{path}: this is no model that skmer can use: {error}") from error
    if not (whole_songs or isinstance(predictor, SegmentPredictor)):
        answers = "gives several tags to" if isinstance(predictor, TagPredictor) else "answers for"
        raise CommandError(
            f"{path}: this model {answers} whole songs only; train one with `skmer train --system sssl`, or fit a "
            "pipeline with a segment classifier behind a SegmentTransformer."
        )
    return model, predictor, list(dict.fromkeys(" ".join(str(warning.message).split()) for warning in told))
