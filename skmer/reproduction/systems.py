"""The systems that tables compare, built from one set of settings."""

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer.aggregation import SpectrogramStatistics
from skmer.model_selection import EstimatorSystem, NetworkSystem, Readout

__all__ = ["ABLATION", "CROSS_ENTROPY", "SPECTROGRAM_SVM", "SSSL", "ablation_systems", "table_3_systems"]

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


def table_3_systems(settings):
    """Build the systems of Table 3 that are ours to run.

    Parameters
    ----------
    settings : Settings
        What they have in common.

    Returns
    -------
    dict of str to EstimatorSystem or NetworkSystem
        Log-mel statistics and an SVM; the segment network on inherited labels, also with
        the two votes; the paper's ablation without R-Drop; the paper's system.

    Examples
    --------
    >>> from skmer.reproduction import Settings, table_3_systems
    >>> systems = table_3_systems(Settings(backbone="small", epochs=10))
    >>> systems["Proposed (SSSL)"].cost
    14.0
    """
    statistics = make_pipeline(settings.segments(), SpectrogramStatistics(), StandardScaler(), SVC())

    def network(readouts=None, **changed):
        return NetworkSystem(settings.segments(), settings.network(**changed), settings.readouts(**(readouts or {})))

    # Sarkar et al. go from segments to songs by these
    votes = {"majority vote": Readout("majority"), "longest run": Readout("longest run")}
    # as many readouts as the ablations show, so that both tables share their finished folds
    thetas = {theta_name(theta): Readout(share_threshold=theta) for theta in THETAS}

    return {
        SPECTROGRAM_SVM: EstimatorSystem(statistics, cost=0.1),
        CROSS_ENTROPY: network(votes, noise_model=None, average_epochs=None),
        ABLATION: network(lambda_kl=0.0),
        SSSL: network(thetas),
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
