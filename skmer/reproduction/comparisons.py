"""The other systems that the paper names, on the same folds, features and budget as its own."""

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer.aggregation import SongAggregator
from skmer.feature_extraction.descriptors import DescriptorTransformer
from skmer.feature_extraction.embeddings import EmbeddingTransformer
from skmer.model_selection import EstimatorSystem, NetworkSystem
from skmer.pipelines import make_multi_duration_pipeline
from skmer.reproduction.systems import ABLATION, CROSS_ENTROPY, SPECTROGRAM_SVM, SSSL, table_3_systems
from skmer.sssl.classifier import SSSL_RECIPES
from skmer.two_stage import BiLSTMClassifier, MaskedMelAutoencoder

__all__ = [
    "DESCRIPTORS",
    "EMBEDDING",
    "SELF_LEARNING",
    "STACK",
    "TWO_STAGE",
    "comparison_builders",
    "comparison_systems",
]

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
    return {name: build() for name, build in comparison_builders(settings).items()}


def comparison_builders(settings):
    """Give what builds each of `comparison_systems`: settings that suit one need not suit another.

    Parameters
    ----------
    settings : Settings
        What the systems have in common.

    Returns
    -------
    dict of str to callable
        Without parameters; each gives a system.

    Examples
    --------
    >>> from skmer.reproduction import Settings
    >>> from skmer.reproduction.comparisons import comparison_builders
    >>> comparison_builders(Settings(backbone="small"))["descriptors + SVM"]().cost
    0.1
    """
    of_table_3 = table_3_systems(settings)
    durations = ", ".join(map(str, settings.stack))
    builders = {
        DESCRIPTORS: lambda: _descriptors(settings),
        EMBEDDING: lambda: _embedding(settings),
        SPECTROGRAM_SVM: lambda: of_table_3[SPECTROGRAM_SVM],
        TWO_STAGE: lambda: _two_stage(settings),
        CROSS_ENTROPY: lambda: of_table_3[CROSS_ENTROPY],
        ABLATION: lambda: of_table_3[ABLATION],
        SELF_LEARNING: lambda: _self_learning(settings),
        SSSL: lambda: of_table_3[SSSL],
        f"{STACK} ({durations} s)": lambda: _stack(settings),
    }
    if settings.embedding is None:
        del builders[EMBEDDING]
    return builders


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


def _self_learning(settings):
    network = settings.network(**SSSL_RECIPES["self-learning"])
    return NetworkSystem(settings.segments(), network, settings.readouts())


def _stack(settings):
    steps = make_multi_duration_pipeline(
        settings.stack,
        max_duration=settings.max_duration,
        recipe=settings.recipe,
        memory=settings.memory,
        **settings.network_params(cv="insample"),
    )
    return EstimatorSystem(steps, cost=1.4 * len(settings.stack) * settings.epochs)
