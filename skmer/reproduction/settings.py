"""Settings: what the systems of a table have in common."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from skmer._io import file_digest
from skmer.feature_extraction.segments import SegmentTransformer
from skmer.model_selection import Readout
from skmer.sssl.classifier import SSSLClassifier

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """What the systems of a table have in common.

    Parameters
    ----------
    backbone : str, default="vgg16"
        Network of the segments.
    recipe : str or None, default="paper"
        Settings of `SSSLClassifier.from_recipe`; None is skmer's own defaults.
    epochs, warmup_epochs : int, default=30, 5
        Length of the training, and of its part before the first split.
    duration : float, default=3.0
        Length of a segment in seconds.
    max_duration : float or None, default=30.0
        Seconds of each song that are used.
    cross_fit : int, default=0
        Folds that also give cross-fitted song features; 0 gives the paper's alone.
    params : dict, default={}
        Further parameters of `SSSLClassifier`.
    memory : str or None, default=None
        Folder of the songs' spectrograms.
    device : str, default="auto"
        Of the networks.
    embedding : dict, default=None
        Parameters of `skmer.EmbeddingTransformer`, with ``embedding``, the path of a
        file of ``torch.jit.save`` or ``torch.export.save``, ``sr`` and ``window``; without them no
        table has a deep embedding.
    stack : tuple of int, default=(1, 3, 5)
        Durations, in seconds, of the system that takes several together.

    Examples
    --------
    >>> from skmer.reproduction import Settings
    >>> Settings(backbone="small", epochs=10).network().max_epochs
    10
    """

    backbone: str = "vgg16"
    recipe: str | None = "paper"
    epochs: int = 30
    warmup_epochs: int = 5
    duration: float = 3.0
    max_duration: float | None = 30.0
    cross_fit: int = 0
    params: dict[str, Any] = field(default_factory=dict)
    memory: str | None = None
    device: str = "auto"
    embedding: dict[str, Any] | None = None
    stack: tuple[int, ...] = (1, 3, 5)

    def segments(self, **changed):
        """Build the transformer.

        Parameters
        ----------
        **changed
            Parameters of `SegmentTransformer` that differ from the settings.

        Returns
        -------
        SegmentTransformer
            With the settings' duration and cache.
        """
        own = {"duration": self.duration, "max_duration": self.max_duration, "memory": self.memory}
        return SegmentTransformer(**{**own, **changed})

    def network(self, **changed):
        """Build the classifier.

        Parameters
        ----------
        **changed
            Parameters of `SSSLClassifier` that differ from the settings.

        Returns
        -------
        SSSLClassifier
            Not fitted.
        """
        params = self.network_params(**changed)
        return SSSLClassifier(**params) if self.recipe is None else SSSLClassifier.from_recipe(self.recipe, **params)

    def network_params(self, **changed):
        """Give what the settings say of the classifier, beside the recipe.

        Parameters
        ----------
        **changed
            Parameters of `SSSLClassifier` that differ from the settings.

        Returns
        -------
        dict
            Parameters of `SSSLClassifier`.
        """
        return {
            "backbone": self.backbone,
            "max_epochs": self.epochs,
            "warmup_epochs": self.warmup_epochs,
            "device": self.device,
            "cv": self.cross_fit or "insample",
            **self.params,
            **changed,
        }

    def readouts(self, **further):
        """Give the ways from segments to a song: the paper's, the mean, and cross-fitted where asked.

        Parameters
        ----------
        **further : Readout
            More of them, by name.

        Returns
        -------
        dict of str to Readout
            By name; the paper's has none.
        """
        cross_fitted = {"cross-fitted": Readout(cross_fitted=True)} if self.cross_fit else {}
        return {"": Readout(), **cross_fitted, "mean probability": Readout("mean"), **further}

    def to_dict(self):
        """Give the settings as plain values.

        Returns
        -------
        dict
            As JSON can hold it; the folder of the cache is left out. Of the file of an embedding there are
            the name and the digest of its contents, whatever its folder.

        Raises
        ------
        OSError
            If that file cannot be read.
        """
        plain = {key: value for key, value in asdict(self).items() if key != "memory"}
        if self.embedding is not None:
            path = self.embedding["embedding"]
            plain["embedding"] |= {"embedding": Path(path).name, "digest": file_digest(path)[:16]}
        return {**plain, "stack": list(self.stack)}
