"""The rows of the second paper's tables, and the settings that they share."""

import warnings
from dataclasses import asdict, dataclass, field
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier

from skmer.backbones import build_backbone
from skmer.feature_extraction import TaggingTransformer
from skmer.tagging import EmotionTagger, NoisyStudentTagger

__all__ = ["ROWS", "MirableSettings", "Row", "rows_with_needed"]

_THRESHOLDS = {
    # section 2.5: found on the paper's own teacher
    "probability": {"thresholds": "probability", "positive_above": 0.1, "negative_below": 1e-6},
    "percentile": {"thresholds": "percentile", "positive_above": 95, "negative_below": 5},
}
# songs of Emotify are excerpts of at most a minute, for which the paper's thresholds select hardly any tags
_OF_DATASET: dict[str, dict[str, Any]] = {"emotify": {"long": 30.0, "thresholds": "percentile"}}
# parameters of a tagger that have a setting of their own
_OWN = {"backbone", "backbone_params", "max_epochs", "batch_size", "device", "random_state", "verbose", "callbacks"}


@dataclass(frozen=True)
class Row:
    """A system of the tables.

    `kind` is "dummy", "linear", "baseline", "network", "student" or "ensemble"; `length` is its input, "long" (the
    beginning of each song), "short" (the whole song in short chunks) or None; `hpcp` is whether pitch class profiles
    are added to the spectrogram; `needs` are the names of a student's teacher or an ensemble's members; `cost` is the
    approximate amount of work.
    """

    kind: str
    length: str | None = None
    hpcp: bool = False
    needs: tuple[str, ...] = ()
    cost: float = 0.0

    @property
    def seeded(self):
        """Whether a seed changes its figures."""
        return self.kind not in ("dummy", "linear")


ROWS = {
    "dummy": Row("dummy"),
    "logistic-regression": Row("linear", "short", cost=0.05),
    "baseline": Row("baseline", "long", cost=0.7),
    "long-normal": Row("network", "long", cost=0.7),
    "long-hpcp": Row("network", "long", hpcp=True, cost=1.0),
    "long-hpcp-noisy": Row("student", "long", hpcp=True, needs=("long-hpcp",), cost=2.0),
    "short-normal": Row("network", "short", cost=0.7),
    "short-hpcp": Row("network", "short", hpcp=True, cost=1.0),
    "short-hpcp-noisy": Row("student", "short", hpcp=True, needs=("short-hpcp",), cost=2.0),
    "ensemble": Row("ensemble", needs=("short-normal", "long-hpcp-noisy")),
}


def rows_with_needed(names=None):
    """Return rows by name, with those that they need, in the order of the tables; None is all."""
    wanted = set(ROWS if names is None else names)
    if not wanted or not wanted <= ROWS.keys():
        raise ValueError(f"rows must be some of {', '.join(ROWS)}; got {', '.join(names) or 'none'}.")
    while more := {need for name in wanted for need in ROWS[name].needs} - wanted:
        wanted |= more
    return [name for name in ROWS if name in wanted]


@dataclass(frozen=True)
class MirableSettings:
    """Settings that the rows of the second paper's tables share; the defaults are the paper's.

    Parameters
    ----------
    long, short : float, default=None
        Seconds of the two inputs, rounded to whole blocks of 0.232 s: the beginning of each song
        for "long" rows, and the chunks of "short" ones. None is the paper's: 800 blocks (185.76 s) and
        40 blocks (9.29 s).
    epochs : int, default=100
        Largest number of epochs.
    batch_long, batch_short : int, default=8, 16
        Chunks a batch, as in the paper's own code.
    backbone_params : dict, default={}
        Parameters of the recurrent networks, such as ``{"width": 16}``.
    params : dict, default={}
        Further parameters of every `skmer.EmotionTagger` and `skmer.NoisyStudentTagger`; a
        student keeps its own ``mask_range`` and ``noise``.
    thresholds : {"probability", "percentile"}, default="probability"
        Which tags a student takes from its teacher: above 0.1 and below 1e-6, as in the paper; or above the
        95th percentile of the teacher's probabilities for tags that validation songs
        have, and below the 5th of those that they do not have.
    noisy_params : dict, default={}
        Further parameters of `skmer.NoisyStudentTagger` alone.
    device : str, default="auto"
        Device of the networks.

    Notes
    -----
    The baseline is MediaEval's network as published, on the mel spectrogram of the long input
    and without masks.

    Examples
    --------
    >>> from skmer.reproduction import MirableSettings
    >>> MirableSettings.for_dataset("emotify", epochs=5).long
    30.0
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
        """Return the defaults of a collection, with the parameters that are given and not None.

        For Emotify the long input has 30 s, because its excerpts would otherwise be repeated several times, and
        thresholds are percentiles.
        """
        given = {name: value for name, value in given.items() if value is not None}
        return cls(**{**_OF_DATASET.get(dataset, {}), **given})

    def to_dict(self):
        """Return the settings as JSON can hold them."""
        return asdict(self)

    def blocks(self, length, hpcp):
        """Build the transformer of the "long" or "short" input, without a store."""
        return TaggingTransformer(duration=getattr(self, length) or length, hpcp=hpcp)

    def tagger(self, row):
        """Build the tagger of a row of the kinds "baseline", "network" or "student", the last without its teacher."""
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
        """Raise ValueError for a parameter that is unknown, out of range or does not suit the network of a row."""
        if self.thresholds not in _THRESHOLDS:
            raise ValueError(f"thresholds must be one of {list(_THRESHOLDS)}, got {self.thresholds!r}.")
        for given, kind in ((self.params, EmotionTagger), (self.noisy_params, NoisyStudentTagger)):
            known = kind().get_params().keys() - _OWN - {"teacher"}
            if kind is NoisyStudentTagger:
                known |= {"backbone_params"} & given.keys()
            for name in given:
                if name not in known:
                    raise ValueError(
                        f"{kind.__name__} has no parameter {name!r} to set here; it has {', '.join(sorted(known))}."
                    )
        # one second of noise, which the transformer extends to the input length of each row
        second = np.random.default_rng(0).normal(scale=0.1, size=44100)
        for row in rows:
            chunks = self.blocks(row.length, row.hpcp).transform([second, second])
            if row.kind != "linear":
                tagger = self.tagger(row)
                build_backbone(tagger.backbone, chunks.segment_shape, n_tags, **(tagger.backbone_params or {}))
                self._try(tagger, chunks)

    def _try(self, tagger, chunks):
        """Fit a tagger with the smallest network for one epoch, so that its own validation finds wrong parameters."""
        least = {"backbone": "crnn", "backbone_params": {"width": 1, "n_hidden": 1}, "random_state": 0}
        if isinstance(tagger.max_epochs, Integral):
            least["max_epochs"] = min(tagger.max_epochs, 1)
        y, more = np.array([[0], [1]]), {}
        if isinstance(tagger, NoisyStudentTagger):
            # the pseudo-labels of later iterations depend on the real network
            if isinstance(tagger.n_iterations, Integral):
                least["n_iterations"] = min(tagger.n_iterations, 1)
            least["teacher"], more["unlabelled"] = DummyClassifier().fit(chunks, y), chunks
        try:
            with warnings.catch_warnings():
                # such as the warning about a teacher without confident predictions
                warnings.simplefilter("ignore", UserWarning)
                tagger.set_params(**least).fit(chunks, y, X_val=chunks, y_val=y, **more)
        except (RuntimeError, AssertionError) as error:
            raise ValueError(f"A trial on device={self.device!r} fails: {str(error).splitlines()[0]}") from error
