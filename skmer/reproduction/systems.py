"""The systems that tables compare, built from one set of settings."""

from dataclasses import asdict, dataclass, field
from typing import Any

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer.aggregation import SpectrogramStatistics
from skmer.classifiers import SSSLClassifier
from skmer.model_selection import EstimatorSystem, NetworkSystem, Readout
from skmer.segmentation import SegmentTransformer

__all__ = ["ABLATION", "CROSS_ENTROPY", "SPECTROGRAM_SVM", "SSSL", "Settings", "ablation_systems", "table_3_systems"]

SPECTROGRAM_SVM = "log-mel statistics + SVM"
CROSS_ENTROPY = "inherited labels (cross-entropy)"
ABLATION = "Proposed* (lambda = 0)"
SSSL = "Proposed (SSSL)"
THETAS = (0.3, 0.7)


def theta_name(theta):
    """Name the readout with another threshold of the seventh statistic.

    Parameters
    ----------
    theta : float
        The threshold.

    Returns
    -------
    str
        Name.
    """
    return f"theta = {theta:g}"


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

    Examples
    --------
    >>> from skmer.reproduction import Settings, table_3_systems
    >>> list(table_3_systems(Settings(backbone="small")))
    ['log-mel statistics + SVM', 'inherited labels (cross-entropy)', 'Proposed* (lambda = 0)', 'Proposed (SSSL)']
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
        params = {
            "backbone": self.backbone,
            "max_epochs": self.epochs,
            "warmup_epochs": self.warmup_epochs,
            "device": self.device,
            "cv": self.cross_fit or "insample",
            **self.params,
            **changed,
        }
        return SSSLClassifier(**params) if self.recipe is None else SSSLClassifier.from_recipe(self.recipe, **params)

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
            As JSON can hold it; the folder of the cache is left out.
        """
        return {key: value for key, value in asdict(self).items() if key != "memory"}


def table_3_systems(settings):
    """Build the systems of Table 3 that are ours to run.

    Parameters
    ----------
    settings : Settings
        What they have in common.

    Returns
    -------
    dict of str to EstimatorSystem or NetworkSystem
        Log-mel statistics and an SVM; the segment network on inherited labels; the
        paper's ablation without R-Drop; the paper's system.

    Examples
    --------
    >>> from skmer.reproduction import Settings, table_3_systems
    >>> systems = table_3_systems(Settings(backbone="small", epochs=10))
    >>> systems["Proposed (SSSL)"].cost
    14.0
    """
    statistics = make_pipeline(settings.segments(), SpectrogramStatistics(), StandardScaler(), SVC())

    def network(**changed):
        return NetworkSystem(settings.segments(), settings.network(**changed), settings.readouts())

    # as many readouts as the ablations show, so that both tables share their finished folds
    thetas = {theta_name(theta): Readout(share_threshold=theta) for theta in THETAS}

    return {
        SPECTROGRAM_SVM: EstimatorSystem(statistics, cost=0.1),
        CROSS_ENTROPY: network(noise_model=None, average_epochs=None),
        ABLATION: network(lambda_kl=0.0),
        SSSL: NetworkSystem(settings.segments(), settings.network(), settings.readouts(**thetas)),
    }


def ablation_systems(settings):
    """Build the systems of Table 3 with what the paper decides without showing it.

    Parameters
    ----------
    settings : Settings
        What they have in common.

    Returns
    -------
    dict of str to EstimatorSystem or NetworkSystem
        Those of Table 3, the system with theta at .3 and .7 too, with short songs padded
        by zeros or by repetition, and with each song as one segment.

    Notes
    -----
    A song as one segment gives a 30th of the rows: it is trained in batches a quarter as
    large for four times as many epochs, and songs shorter than the others are repeated.

    Examples
    --------
    >>> from skmer.reproduction import Settings, ablation_systems
    >>> list(ablation_systems(Settings(backbone="small")))[-3:]
    ['padding="zero"', 'padding="circular"', 'whole clip as one segment']
    """
    systems = table_3_systems(settings)
    plain = {"": Readout()}
    for padding in ("zero", "circular"):
        segments = settings.segments(padding=padding)
        systems[f'padding="{padding}"'] = NetworkSystem(segments, settings.network(cv="insample"), plain)
    whole = settings.network(
        cv="insample",
        max_epochs=4 * settings.epochs,
        warmup_epochs=4 * settings.warmup_epochs,
        batch_size=max(1, settings.params.get("batch_size", 64) // 4),
    )
    segments = settings.segments(duration=settings.max_duration, padding="circular")
    systems["whole clip as one segment"] = NetworkSystem(segments, whole, plain)
    return systems
