"""The systems of Tables 2 and 3 and of the ablations, built from one set of settings."""

from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmer._io import file_digest
from skmer.aggregation import SongAggregator, SpectrogramStatistics
from skmer.feature_extraction import DescriptorTransformer, EmbeddingTransformer, SegmentTransformer
from skmer.model_selection import EstimatorSystem, NetworkSystem, Readout
from skmer.pipelines import make_multi_duration_pipeline
from skmer.sssl import SSSLClassifier
from skmer.sssl.recipes import SSSL_RECIPES, with_original_head
from skmer.two_stage import BiLSTMClassifier, MaskedMelAutoencoder

__all__ = ["Settings", "build_systems", "row_names"]

DESCRIPTORS = "descriptors + SVM"
EMBEDDING = "deep embedding + SVM"
SPECTROGRAM_SVM = "log-mel statistics + SVM"
TWO_STAGE = "2-Stage (masked autoencoder, BiLSTM)"
CROSS_ENTROPY = "inherited labels (cross-entropy)"
ABLATION = "Proposed* (lambda = 0)"
SELF_LEARNING = "iterative self-learning"
SSSL = "Proposed (SSSL)"
STACK = "SSSL of several durations"
TABLE_3 = (EMBEDDING, SPECTROGRAM_SVM, CROSS_ENTROPY, ABLATION, SSSL)
"""The rows of Table 3 by default; the embedding is left out if it is not in the settings."""
THETAS = {f"theta = {theta:g}": Readout(share_threshold=theta) for theta in (0.3, 0.7)}
_PAPER = {"": Readout()}
# the votes of Sarkar et al. over segments
_VOTES = {"majority vote": Readout("majority"), "longest run": Readout("longest run")}


@dataclass(frozen=True)
class Settings:
    """Settings that the systems of a table share.

    Parameters
    ----------
    backbone : str, default="vgg16"
        Network of the segments.
    recipe : str or None, default="paper"
        Settings of `SSSLClassifier.from_recipe`; None takes the defaults of `SSSLClassifier`.
    epochs, warmup_epochs : int, default=30, 5
        Number of epochs, and of epochs before the first split.
    duration : float, default=3.0
        Length of a segment in seconds.
    max_duration : float or None, default=30.0
        Seconds of each song that are used.
    cross_fit : int, default=0
        Number of folds for additional rows with cross-fitted song features; 0 leaves these rows out.
    params : dict, default={}
        Further parameters of `SSSLClassifier`.
    memory : str or None, default=None
        Folder in which the songs' features are cached.
    device : str, default="auto"
        Device of the networks.
    embedding : dict, default=None
        Parameters of `skmer.EmbeddingTransformer`: ``embedding``, the path of a file written by
        ``torch.jit.save`` or ``torch.export.save``, ``sr`` and ``window``. Without them, no
        table has a deep embedding.
    stack : tuple of int, default=(1, 3, 5)
        Durations, in seconds, of the system that combines several.

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
        """Build the `SegmentTransformer`, with changed parameters where given."""
        own = {"duration": self.duration, "max_duration": self.max_duration, "memory": self.memory}
        return SegmentTransformer(**{**own, **changed})

    def network(self, **changed):
        """Build the `SSSLClassifier`, with changed parameters where given."""
        params = self.network_params(**changed)
        return SSSLClassifier(**params) if self.recipe is None else SSSLClassifier.from_recipe(self.recipe, **params)

    def network_params(self, **changed):
        """Return the parameters of the `SSSLClassifier` that override its recipe."""
        own = {"backbone": self.backbone, "max_epochs": self.epochs, "warmup_epochs": self.warmup_epochs}
        own |= {"device": self.device, "cv": self.cross_fit or "insample"}
        # the same network on every device
        return with_original_head({**own, **self.params, **changed})

    def to_dict(self):
        """Return the settings as JSON can hold them: no cache folder; an embedding by file name and digest."""
        plain = {**asdict(self), "stack": list(self.stack)}
        del plain["memory"]
        if self.embedding is not None:
            path = self.embedding["embedding"]
            plain["embedding"] |= {"embedding": Path(path).name, "digest": file_digest(path)[:16]}
        return plain


def build_systems(table, settings, names=None, durations=(1, 2, 3, 4, 5)):
    """Build the systems of a table whose names begin with one of `names`; "all" builds all, None the defaults."""
    # only the selected systems are built, because settings that are valid for one may be invalid for another
    builders = _BUILDERS[table](settings, durations)
    for name in names or ():
        if name != "all" and not any(system.startswith(name) for system in builders):
            raise ValueError(f"No system has a name that begins with {name!r}. The names are: {'; '.join(builders)}.")
    if not names:
        chosen = [name for name in builders if table != "table3" or name in TABLE_3]
    else:
        chosen = [name for name in builders if "all" in names or name.startswith(tuple(names))]
    return {name: builders[name]() for name in chosen}


def row_names(systems):
    """Return the names of all rows that an experiment has of `systems`, one for each readout."""
    return [
        f"{name}, {readout}" if readout else name
        for name, system in systems.items()
        for readout in getattr(system, "readouts", _PAPER)
    ]


def _table_2(settings, durations):
    return {f"{d:g} s": _table_3(replace(settings, duration=float(d)))[SSSL] for d in durations}


def _table_3(settings, durations=None):
    cross_fitted = {"cross-fitted": Readout(cross_fitted=True)} if settings.cross_fit else {}
    network = partial(_network, settings, {**_PAPER, **cross_fitted, "mean probability": Readout("mean")})
    builders = {
        DESCRIPTORS: lambda: _descriptors(settings),
        EMBEDDING: lambda: _embedding(settings),
        SPECTROGRAM_SVM: lambda: _to_svm(settings.segments(), SpectrogramStatistics()),
        TWO_STAGE: lambda: _two_stage(settings),
        CROSS_ENTROPY: lambda: network(_VOTES, noise_model=None, average_epochs=None),
        ABLATION: lambda: network(lambda_kl=0.0),
        SELF_LEARNING: lambda: network(**SSSL_RECIPES["self-learning"]),
        # with the readouts of the ablations, so that both tables share their finished folds
        SSSL: lambda: network(THETAS),
        f"{STACK} ({', '.join(map(str, settings.stack))} s)": lambda: _stack(settings),
    }
    if settings.embedding is None:
        del builders[EMBEDDING]
    return builders


def _ablations(settings, durations):
    """Return the paper's own systems, SSSL on padded songs, and SSSL with each song as one segment.

    With one segment per song there are about 30 times fewer rows, so the batches are a quarter as large and the epochs
    four times as many. Songs that are shorter than the others are repeated.
    """
    table_3 = _table_3(settings)
    builders = {name: table_3[name] for name in (SPECTROGRAM_SVM, CROSS_ENTROPY, ABLATION, SSSL)}
    for padding in ("zero", "circular"):
        segments = settings.segments(padding=padding)
        builders[f'padding="{padding}"'] = partial(_network, settings, _PAPER, segments=segments, cv="insample")
    builders["whole clip as one segment"] = partial(
        _network,
        settings,
        _PAPER,
        segments=settings.segments(duration=settings.max_duration, padding="circular"),
        cv="insample",
        max_epochs=4 * settings.epochs,
        warmup_epochs=4 * settings.warmup_epochs,
        batch_size=max(1, settings.params.get("batch_size", 64) // 4),
    )
    return builders


_BUILDERS = {"table2": _table_2, "table3": _table_3, "ablations": _ablations}


def _network(settings, readouts, further=None, segments=None, **changed):
    segments = settings.segments() if segments is None else segments
    return NetworkSystem(segments, settings.network(**changed), {**readouts, **(further or {})})


def _to_svm(*steps, files=()):
    return EstimatorSystem(make_pipeline(*steps, StandardScaler(), SVC()), cost=0.1, files=files)


def _descriptors(settings):
    return _to_svm(DescriptorTransformer(max_duration=settings.max_duration, memory=settings.memory))


def _embedding(settings):
    own = {"max_duration": settings.max_duration, "memory": settings.memory, "device": settings.device}
    windows = EmbeddingTransformer(**{**own, **settings.embedding})
    return _to_svm(windows, SongAggregator(statistics=["mean"]), files=[settings.embedding["embedding"]])


def _two_stage(settings):
    # the autoencoder is trained for as many epochs as the segment networks, the BiLSTM for its default
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
