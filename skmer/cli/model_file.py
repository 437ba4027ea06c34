"""The model that a command is given: its help, and how it is opened."""

import os
import warnings

from skmer.cli.command import Stop

__all__ = ["MODEL_HELP", "TRUST", "load_model"]

TRUST = (
    "MODEL is opened with joblib.load, which runs whatever code the file holds: "
    "use only models from people that you trust."
)
MODEL_HELP = "fitted pipeline, as joblib.dump(pipe, MODEL) wrote it"


def load_model(path, whole_songs=False):
    """Open a model and check that it is one of ours; give it, its predictor and the remarks of its opening.

    The predictor is a `SegmentPredictor`; where `whole_songs` is true, it may be a `SongPredictor` or `TagPredictor`.
    """
    if os.path.isdir(path):
        raise Stop(f"{path}: this is a folder. Name the model's file.")
    if not os.path.isfile(path):
        raise Stop(f"{path}: there is no such model. Write one with joblib.dump(pipe, {path!r}).")
    import joblib

    from skmer.prediction import SegmentPredictor, predictor_of

    advice = "MODEL must be a fitted pipeline that joblib.dump wrote, opened with the packages that it needs."
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default", UserWarning)
        try:
            model = joblib.load(path)
        # a damaged or foreign pickle can raise anything
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise Stop(f"{path}: this model cannot be opened ({reason}). {advice}") from error
    try:
        predictor = (predictor_of if whole_songs else SegmentPredictor)(model)
    except ValueError as error:
        raise Stop(f"{path}: this is no model that skmer can use: {error}") from error
    return model, predictor, list(dict.fromkeys(" ".join(str(warning.message).split()) for warning in told))
