"""The other systems that the paper names, on the same folds, features and budget as its own."""

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer.aggregation import SongAggregator
from skmer.classifiers import BiLSTMClassifier
from skmer.classifiers.sssl import SSSL_RECIPES
from skmer.descriptors import DescriptorTransformer
from skmer.embeddings import EmbeddingTransformer, MaskedMelAutoencoder
from skmer.model_selection import EstimatorSystem, NetworkSystem
from skmer.recipes import make_multi_duration_pipeline
from skmer.reproduction.systems import SPECTROGRAM_SVM, SSSL, table_3_systems

__all__ = ["DESCRIPTORS", "EMBEDDING", "SELF_LEARNING", "STACK", "TWO_STAGE", "comparison_systems"]

DESCRIPTORS = "descriptors + SVM"
EMBEDDING = "deep embedding + SVM"
TWO_STAGE = "2-Stage (masked autoencoder, BiLSTM)"
SELF_LEARNING = "iterative self-learning"
STACK = "SSSL of several durations"


def comparison_systems(settings):
    """Build the systems of Table 3 with all others that the paper names and that are ours to run.

    Parameters
    ----------
    settings : Settings
        What they have in common. The autoencoder of 2-Stage is trained for as many epochs as
        the segment networks; its BiLSTM, and what has no epochs, has its own defaults.

    Returns
    -------
    dict of str to EstimatorSystem or NetworkSystem
        From the simplest to the paper's, and the stack of durations, which is ours. A deep
        embedding is among them where the settings name one.

    See Also
    --------
    table_3_systems : The paper's own, and what it differs from by a parameter.

    Examples
    --------
    >>> from skmer.reproduction import Settings, comparison_systems
    >>> list(comparison_systems(Settings(backbone="small")))[:2]
    ['descriptors + SVM', 'log-mel statistics + SVM']
    """
    own = table_3_systems(settings)
    ours = own.pop(SSSL)
    systems = {DESCRIPTORS: _descriptors(settings)}
    if settings.embedding is not None:
        systems[EMBEDDING] = _embedding(settings)
    systems[SPECTROGRAM_SVM] = own.pop(SPECTROGRAM_SVM)
    systems[TWO_STAGE] = _two_stage(settings)
    systems |= own
    self_learning = settings.network(**SSSL_RECIPES["self-learning"])
    systems[SELF_LEARNING] = NetworkSystem(settings.segments(), self_learning, settings.readouts())
    durations = ", ".join(map(str, settings.stack))
    return {**systems, SSSL: ours, f"{STACK} ({durations} s)": _stack(settings)}


def _descriptors(settings):
    songs = DescriptorTransformer(max_duration=settings.max_duration, memory=settings.memory)
    return EstimatorSystem(make_pipeline(songs, StandardScaler(), SVC()), cost=0.1)


def _embedding(settings):
    own = {"max_duration": settings.max_duration, "memory": settings.memory, "device": settings.device}
    windows = EmbeddingTransformer(**{**own, **settings.embedding})
    steps = make_pipeline(windows, SongAggregator(statistics=["mean"]), StandardScaler(), SVC())
    return EstimatorSystem(steps, cost=0.1, files=[settings.embedding["embedding"]])


def _two_stage(settings):
    batch_size = settings.params.get("batch_size", 64)
    autoencoder = MaskedMelAutoencoder(max_epochs=settings.epochs, batch_size=batch_size, device=settings.device)
    steps = make_pipeline(settings.segments(), autoencoder, BiLSTMClassifier(device=settings.device))
    return EstimatorSystem(steps, cost=1.5 * settings.epochs)


def _stack(settings):
    steps = make_multi_duration_pipeline(
        settings.stack,
        max_duration=settings.max_duration,
        recipe=settings.recipe,
        memory=settings.memory,
        **settings.network_params(cv="insample"),
    )
    return EstimatorSystem(steps, cost=1.4 * len(settings.stack) * settings.epochs)
