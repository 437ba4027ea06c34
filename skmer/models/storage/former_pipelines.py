"""Pipelines of former versions with the methods of those of today."""

from sklearn.pipeline import Pipeline

from skmer.inspection._steps import flatten, reads_songs
from skmer.pipelines.song_pipeline import SongPipeline

__all__ = ["with_song_methods"]


def with_song_methods(model):
    """Return a pipeline that reads songs, such as that of a file of a former version, as a `SongPipeline`."""
    if type(model) is not Pipeline or not any(map(reads_songs, flatten(model)[:1])):
        return model
    again = SongPipeline(model.steps)
    again.__dict__.update(vars(model))
    return again
