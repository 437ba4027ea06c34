"""From one song to the embedding of its windows, with or without a cache: the work behind EmbeddingTransformer."""

import numpy as np

from skmer.audio import AudioError, read_audio
from skmer.feature_extraction._cache import cached
from skmer.feature_extraction._embedding_key import embedding_key
from skmer.feature_extraction._frozen import check_rows, name_of
from skmer.features.segment_log_mel import count_segments
from skmer.training.runtime import isolated

__all__ = ["WindowEmbedder", "cached_embed_file", "embed_file"]

# part of every cache key: raise it when windows are cut otherwise
CACHE_VERSION = 1


class WindowEmbedder:
    """An opened embedding with what does not change its result: batch size and threads."""

    def __init__(self, embedding, call, batch_size, n_threads):
        self.name = name_of(embedding)
        self.call = call
        self.batch_size = batch_size
        self.n_threads = n_threads

    def __call__(self, y, sr, length, step, padding, song):
        """Give the embedding of a song's windows, (n_windows, n_dims), and whether the song is silent."""
        silent = not y.any()
        if len(y) < length and padding is None:
            raise AudioError(
                f"{song}: it lasts {len(y) / sr:.2f} s, shorter than one window of {length / sr:g} s. "
                'Leave the song out, or set padding="zero" or "circular".'
            )
        y = np.pad(y, (0, max(length - len(y), 0)), mode="wrap" if padding == "circular" else "constant")
        starts = [round(i * step) for i in range(count_segments(len(y), length, step))]
        batches = [starts[i : i + self.batch_size] for i in range(0, len(starts), self.batch_size)]
        parts = [self.embed([y[start : start + length] for start in batch]) for batch in batches]
        self.check_widths(parts, [f"the windows of {song} from {batch[0] / sr:.2f} s on" for batch in batches])
        rows = np.concatenate(parts)
        bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
        if bad.size:
            raise ValueError(
                f"{self.name} gives NaN or infinity for {bad.size} windows of {song}; the first begins at "
                f"{starts[bad[0]] / sr:.2f} s. Wrap it in a function that guards its divisions and logarithms."
            )
        return rows, silent

    def check_widths(self, parts, names):
        """Refuse rows of different numbers of dimensions; the names say whose they are."""
        for part, name in zip(parts, names, strict=True):
            if part.shape[1] != parts[0].shape[1]:
                raise ValueError(
                    f"{self.name} gives {parts[0].shape[1]} dimensions for {names[0]}, but {part.shape[1]} for {name}. "
                    "Wrap it in a function that gives as many for all windows, however many it gets at once."
                )

    def embed(self, windows):
        """Give the checked rows of a list of windows."""
        # in turn: few networks are made to be called by several threads
        with isolated(None, self.n_threads):
            # a copy: an embedding may write into what it gets
            rows = self.call(np.stack(windows))
        return check_rows(rows, len(windows), self.name)


def embed_file(path, size, mtime_ns, version, key, max_duration, sr, length, step, padding, embedder):
    # size, mtime_ns, version and key are there for the cache's key only, of which embedder is no part
    return embedder(read_audio(path, sr=sr, max_duration=max_duration), sr, length, step, padding, path)


def cached_embed_file(memory, embedding):
    """Give `embed_file`, in the cache that `memory` (None, a folder or a joblib.Memory) names, and the first keys."""
    kept = cached(embed_file, memory, ignore=["embedder"])
    return kept, (CACHE_VERSION, None if memory is None else embedding_key(embedding))
