"""The systems that predict ratings, built from one set of settings."""

from dataclasses import asdict, dataclass, field
from typing import Any

from sklearn.compose import TransformedTargetRegressor
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from skmer.feature_extraction import DescriptorTransformer
from skmer.pipelines import make_rating_pipeline
from skmer.sssl import SSSLRegressor
from skmer.sssl.recipes import with_original_head

__all__ = ["DESCRIPTORS", "DUMMY", "NETWORKS", "OVER_TIME", "PLAIN", "SSSL", "RatingSettings", "chosen_systems"]

DUMMY = "dummy (training mean)"
DESCRIPTORS = "descriptors + SVR"
PLAIN = "network (inherited ratings)"
SSSL = "network (self-learning)"
OVER_TIME = "network (ratings over time)"
NETWORKS: dict[str, dict[str, Any]] = {PLAIN: {"noise_model": None}, SSSL: {}, OVER_TIME: {"noise_model": None}}
"""Parameters in which the networks differ."""
# those of skmer train
_OF_BACKBONE: dict[str, dict[str, Any]] = {
    "mlp": {"epochs": 20, "warmup_epochs": 8, "params": {"backbone_params": {"hidden": [128]}, "segment_step": 3}},
}
# parameters of SSSLRegressor that are set elsewhere, or have no meaning here
_OWN = {
    "backbone", "max_epochs", "warmup_epochs", "noise_model", "device", "random_state", "n_jobs", "verbose", "cv",
    "smoothing", "loss", "callbacks",
}  # fmt: skip


@dataclass(frozen=True)
class RatingSettings:
    """Settings that the systems of `run_ratings` share.

    Parameters
    ----------
    backbone : str, default="vgg16"
        Network of the segments. "mlp" is trained on `skmer.SegmentStatistics` of segments with harmony, in seconds on
        a CPU; others are trained on spectrograms.
    epochs, warmup_epochs : int, default=30, 5
        Number of epochs, and of epochs before the first split of self-learning.
    duration : float, default=3.0
        Length of a segment in seconds; segments are 1 s apart.
    max_duration : float or None, default=None
        Seconds of each song that are used; None uses whole songs, which the ratings are about.
    delay : float, default=1.5
        Seconds by which listeners react late, for ratings over time.
    params : dict, default={}
        Further parameters of `skmer.SSSLRegressor`.
    memory : str or None, default=None
        Folder in which the songs' features are cached.
    device : str, default="auto"
        Device of the networks.

    See Also
    --------
    run_ratings : Runs the systems.

    Examples
    --------
    >>> from skmer.reproduction import RatingSettings
    >>> RatingSettings.for_backbone("mlp").epochs
    20
    """

    backbone: str = "vgg16"
    epochs: int = 30
    warmup_epochs: int = 5
    duration: float = 3.0
    max_duration: float | None = None
    delay: float = 1.5
    params: dict[str, Any] = field(default_factory=dict)
    memory: str | None = None
    device: str = "auto"

    @classmethod
    def for_backbone(cls, backbone, **given):
        """Return the defaults of a backbone, with the settings that are given and not None.

        For "mlp" these are 20 epochs, 8 of them warm-up, and `params` of a hidden layer of 128 units that is trained on
        every third segment, as in `skmer train`. Given `params` are added to them.
        """
        own = _OF_BACKBONE.get(backbone, {})
        given = {name: value for name, value in given.items() if value is not None}
        params = {**own.get("params", {}), **given.pop("params", {})}
        return cls(**{**own, "backbone": backbone, **given, "params": params})

    def descriptors(self):
        """Build support vector regression of descriptors, one for each target in units of its deviation."""
        svm = MultiOutputRegressor(make_pipeline(StandardScaler(), SVR()))
        regressor = TransformedTargetRegressor(svm, transformer=StandardScaler())
        return make_pipeline(DescriptorTransformer(max_duration=self.max_duration, memory=self.memory), regressor)

    def network(self, name, seed=0):
        """Build the pipeline of a network of `NETWORKS`, from recordings to ratings."""
        params = {"max_epochs": self.epochs, "warmup_epochs": self.warmup_epochs, "device": self.device}
        # the same network on every device
        own = with_original_head({**params, "backbone": self.backbone, **self.params, **NETWORKS[name]})
        return make_rating_pipeline(
            self.duration,
            max_duration=self.max_duration,
            harmony=self.backbone == "mlp",
            memory=self.memory,
            **own,
            random_state=seed,
        )

    def check(self, names):
        """Raise ValueError for a setting that the rows `names` cannot have."""
        known = sorted(SSSLRegressor().get_params().keys() - _OWN)
        for name in self.params:
            if name not in known:
                raise ValueError(
                    f"params: SSSLRegressor has no parameter {name!r} to set here; it has {', '.join(known)}."
                )
        if SSSL in names and self.epochs <= self.warmup_epochs:
            raise ValueError(
                f"epochs={self.epochs} leaves no epoch after warmup_epochs={self.warmup_epochs}, so that ratings would "
                "never be split: raise epochs or lower warmup_epochs."
            )
        for name in NETWORKS.keys() & set(names):
            for step in ("segments", "sssl"):
                self.network(name).named_steps[step]._validate_params()

    def to_dict(self):
        """Return the settings as JSON can hold them, without the folder of the cache."""
        return {name: value for name, value in asdict(self).items() if name != "memory"}


def chosen_systems(names, over_time):
    """Return the rows whose names begin with one of `names`; None is all."""
    rows = [DUMMY, DESCRIPTORS, *(name for name in NETWORKS if over_time or name != OVER_TIME)]
    for name in names or ():
        if not any(row.startswith(name) for row in rows):
            raise ValueError(f"No row has a name that begins with {name!r}. The names are: {'; '.join(rows)}.")
    chosen = [row for row in rows if not names or row == DUMMY or row.startswith(tuple(names))]
    if over_time and OVER_TIME not in chosen:
        raise ValueError(f"over_time needs the row {OVER_TIME!r}: add it to the systems.")
    return chosen
