"""MirableSettings: what the rows of the tables have in common."""

import warnings
from dataclasses import asdict, dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier

from skmer import EmotionTagger, NoisyStudentTagger, TaggingTransformer
from skmer.backbones import build_backbone

__all__ = ["MirableSettings"]

_THRESHOLDS = {
    # section 2.5: found on the paper's own teacher
    "probability": {"thresholds": "probability", "positive_above": 0.1, "negative_below": 1e-6},
    "percentile": {"thresholds": "percentile", "positive_above": 95, "negative_below": 5},
}
# whose songs are excerpts, on which the paper's own teacher is sure of next to nothing
_OF_DATASET: dict[str, dict[str, Any]] = {"emotify": {"long": 30.0, "thresholds": "percentile"}}
# what the settings themselves say of a tagger
OWN = {"backbone", "backbone_params", "max_epochs", "batch_size", "device", "random_state", "verbose", "callbacks"}


@dataclass(frozen=True)
class MirableSettings:
    """What the rows have in common; the defaults are the paper's.

    Parameters
    ----------
    long, short : float, default=None
        Seconds of the two inputs, rounded to whole blocks of 0.232 s: the beginning of each song
        that "long" rows hear, and the chunks of "short" ones. None is the paper's: 800 blocks (185.76 s) and
        40 blocks (9.29 s).
    epochs : int, default=100
        At most.
    batch_long, batch_short : int, default=8, 16
        Chunks a batch, as in the paper's own code.
    backbone_params : dict, default={}
        Of the recurrent networks, such as ``{"width": 16}``.
    params : dict, default={}
        Further parameters of every `skmer.EmotionTagger` and `skmer.NoisyStudentTagger`; a
        student's own ``mask_range`` and ``noise`` stay.
    thresholds : {"probability", "percentile"}, default="probability"
        What a student believes of its teacher: above 0.1 and below 1e-6, as the paper has it; or above the
        95th percentile of the teacher's probabilities for tags that validation songs
        have, and below the 5th of those that they have not.
    noisy_params : dict, default={}
        Further parameters of `skmer.NoisyStudentTagger` alone.
    device : str, default="auto"
        Of the networks.

    Notes
    -----
    The baseline is MediaEval's network as published, on the mel spectrogram of the long input
    and without masks.

    Examples
    --------
    >>> from skmer.reproduction.mirable import ROWS, MirableSettings
    >>> MirableSettings(epochs=5).estimator(ROWS["long-hpcp"]).batch_size
    8
    """

    long: float | None = None
    short: float | None = None
    epochs: int = 100
    batch_long: int = 8
    batch_short: int = 16
    backbone_params: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    thresholds: str = "probability"
    noisy_params: dict[str, Any] = field(default_factory=dict)
    device: str = "auto"

    @classmethod
    def for_dataset(cls, dataset, **given):
        """Give the settings of a collection where nothing else is asked for.

        Parameters
        ----------
        dataset : {"mtg_jamendo", "emotify"}
            Of Emotify, the long input has 30 s, for its excerpts of a minute and less would else be repeated again and
            again, and thresholds are percentiles; of MTG-Jamendo all is the paper's.
        **given
            Parameters; one that is None is as not given.

        Returns
        -------
        MirableSettings
            The settings.

        Examples
        --------
        >>> from skmer.reproduction.mirable import MirableSettings
        >>> MirableSettings.for_dataset("emotify", epochs=5, thresholds=None).long
        30.0
        """
        given = {name: value for name, value in given.items() if value is not None}
        return cls(**{**_OF_DATASET.get(dataset, {}), **given})

    def blocks(self, length, hpcp):
        """Build the transformer of an input.

        Parameters
        ----------
        length : {"long", "short"}
            Which of the two.
        hpcp : bool
            With pitch class profiles.

        Returns
        -------
        TaggingTransformer
            Without a store.
        """
        return TaggingTransformer(duration=getattr(self, length) or length, hpcp=hpcp)

    def estimator(self, row):
        """Build the tagger of a row.

        Parameters
        ----------
        row : Row
            Of the kinds "baseline", "network" or "student".

        Returns
        -------
        EmotionTagger or NoisyStudentTagger
            Not fitted; a student without its teacher.
        """
        own = {
            "max_epochs": self.epochs,
            "batch_size": self.batch_long if row.length == "long" else self.batch_short,
            "device": self.device,
        }
        if row.kind == "baseline":
            return EmotionTagger("vggish", **{**own, **self.params, "mask_range": None, "noise": 0.0})
        own["backbone_params"] = self.backbone_params or None
        if row.kind == "network":
            return EmotionTagger(**own, **self.params)
        shared = {name: value for name, value in self.params.items() if name not in ("mask_range", "noise")}
        return NoisyStudentTagger(**{**own, **shared, **_THRESHOLDS[self.thresholds], **self.noisy_params})

    def check(self, rows, n_tags):
        """Refuse, before any song is read, what would fail after hours.

        Parameters
        ----------
        rows : list of Row
            Those that are to be trained.
        n_tags : int
            Number of tags.

        Raises
        ------
        ValueError
            If a parameter is unknown, out of range or does not suit its network.
        """
        if self.thresholds not in _THRESHOLDS:
            raise ValueError(f"thresholds must be one of {list(_THRESHOLDS)}, got {self.thresholds!r}.")
        for given, kind in ((self.params, EmotionTagger), (self.noisy_params, NoisyStudentTagger)):
            known = sorted(kind().get_params().keys() - OWN - {"teacher"} | ({"backbone_params"} & given.keys()))
            for name in given:
                if name not in known or (name == "backbone_params" and kind is EmotionTagger):
                    raise ValueError(
                        f"{kind.__name__} has no parameter {name!r} to set here; it has {', '.join(known)}."
                    )
        # a second of noise, made as long as each row hears its songs
        second = np.random.default_rng(0).normal(scale=0.1, size=44100)
        for row in rows:
            chunks = self.blocks(row.length, row.hpcp).transform([second, second])
            if row.kind != "linear":
                tagger = self.estimator(row)
                build_backbone(tagger.backbone, chunks.segment_shape, n_tags, **(tagger.backbone_params or {}))
                self._rehearse(tagger, chunks)

    def _rehearse(self, tagger, chunks):
        """Fit a tagger for an epoch, with the least of networks, so that its own doors refuse what they would later."""
        least = {"backbone": "crnn", "backbone_params": {"width": 1, "n_hidden": 1}, "random_state": 0}
        if isinstance(tagger.max_epochs, Integral):
            least["max_epochs"] = min(tagger.max_epochs, 1)
        y, more = np.array([[0], [1]]), {}
        if isinstance(tagger, NoisyStudentTagger):
            # of what later iterations believe, this network can tell nothing
            if isinstance(tagger.n_iterations, Integral):
                least["n_iterations"] = min(tagger.n_iterations, 1)
            least["teacher"], more["unlabelled"] = DummyClassifier().fit(chunks, y), chunks
        try:
            with warnings.catch_warnings():
                # of a teacher that is sure of nothing
                warnings.simplefilter("ignore", UserWarning)
                tagger.set_params(**least).fit(chunks, y, X_val=chunks, y_val=y, **more)
        except (RuntimeError, AssertionError) as error:
            raise ValueError(f"A trial on device={self.device!r} fails: {str(error).splitlines()[0]}") from error

    def to_dict(self):
        """Give the settings as plain values.

        Returns
        -------
        dict
            As JSON can hold it.
        """
        return asdict(self)
