"""RowStore: each finished row of a part on disk, with the tagger that it fitted."""

import json
import os
from pathlib import Path

import joblib
import numpy as np

from skmer._io import atomic_write_text
from skmer.model_selection.fold_store import FoldStore

__all__ = ["RowStore"]


class RowStore(FoldStore):
    """A folder with two files for each finished row: what it said, in JSON, and its tagger, by joblib.

    Parameters
    ----------
    folder : str or Path
        Made where it is missing.

    Examples
    --------
    >>> import tempfile
    >>> from skmer.reproduction.mirable.row_store import RowStore
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     store = RowStore(folder)
    ...     path = store.path_of("long-hpcp", {"fold": 0, "seed": 0}, {"test": ["a.mp3"]})
    ...     store.save_model(path, {"any": "tagger"})
    ...     store.save(path, {"seconds": 1.0, "versions": {}, "predictions": {"validation": [[0.5]], "test": [[0.25]]}})
    ...     store.load_row(path, 1, 1, 1)["predictions"]["test"], store.load_model(path)
    (array([[0.25]]), {'any': 'tagger'})
    """

    def load_row(self, path, n_validation, n_test, n_tags):
        """Read a finished row.

        Parameters
        ----------
        path : Path
            What `path_of` gave.
        n_validation, n_test, n_tags : int
            What its logits must be of.

        Returns
        -------
        dict or None
            The record, with arrays of logits under ``"predictions"``; None if the row is not finished.

        Raises
        ------
        ValueError
            If the file is damaged, or of something else.
        """
        record = self.load(path)
        if record is None:
            return None
        wanted = {"validation": (n_validation, n_tags), "test": (n_test, n_tags)}
        try:
            found = {name: np.array(record["predictions"][name], dtype=np.float64) for name in wanted}
        except (KeyError, TypeError, ValueError):
            found = {}
        right = {name: values.shape for name, values in found.items()} == wanted
        if not right or not all(np.isfinite(values).all() for values in found.values()):
            wrong = True
        else:
            wrong = bool({"seconds", "versions"} - set(record))
        if wrong:
            raise ValueError(
                f"{path} must hold seconds, versions and the finite logits of {n_validation} validation and {n_test} "
                f"test songs for {n_tags} tags; delete it to have the row run again."
            )
        return {**record, "predictions": found}

    def save(self, path, record):
        """Write a finished row, whole or not at all; after its tagger, for it says that both are there.

        Parameters
        ----------
        path : Path
            What `path_of` gave.
        record : dict
            As JSON can hold it.
        """
        # a line: with a line for each of a million logits the file would be twice as long
        atomic_write_text(path, json.dumps(record) + "\n")

    def save_model(self, path, model):
        """Write a fitted tagger, whole or not at all.

        Parameters
        ----------
        path : Path
            That of the row.
        model : estimator
            Fitted.
        """
        whole = self.path_of_model(path)
        partial = whole.with_name(f".{whole.name}.{os.getpid()}.partial")
        try:
            joblib.dump(model, partial)
            os.replace(partial, whole)
        finally:
            partial.unlink(missing_ok=True)

    def load_model(self, path):
        """Read a fitted tagger.

        Parameters
        ----------
        path : Path
            That of the row.

        Returns
        -------
        estimator or None
            None if it is not there.

        Raises
        ------
        ValueError
            If the file is damaged.
        """
        whole = self.path_of_model(path)
        if not whole.is_file():
            return None
        try:
            return joblib.load(whole)
        except Exception as error:  # whatever pickle and torch raise
            raise ValueError(
                f"{whole} is no fitted tagger ({str(error) or type(error).__name__:.200}); delete it and "
                f"{path.name} to have the row run again."
            ) from error

    @staticmethod
    def path_of_model(path):
        """Give the file of a row's tagger.

        Parameters
        ----------
        path : Path
            That of the row.

        Returns
        -------
        Path
            Beside it.
        """
        return Path(path).with_suffix(".joblib")
