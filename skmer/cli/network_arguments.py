"""What ``skmer reproduce`` is told of networks: the options, and the settings that they make."""

import argparse
import json
from pathlib import Path

from skmer.cli._common import CommandError, at_least, positive_number

__all__ = ["add_duration", "add_embedding", "add_max_duration", "add_network", "settings_of"]

# parameters of SSSLClassifier that have an option of their own
_OPTIONS = {
    "backbone": "backbone", "max_epochs": "epochs", "warmup_epochs": "warmup-epochs", "cv": "cross-fit",
    "device": "device", "random_state": "seeds", "n_jobs": "n-jobs", "verbose": "quiet",
}  # fmt: skip


def add_network(group):
    """Add the options of the networks."""
    group.add_argument(
        "--backbone",
        choices=("vgg16", "vgg16_bn", "small"),
        default="vgg16",
        help="network of the segments (%(default)s)",
    )
    group.add_argument(
        "--recipe", choices=("paper", "skmer"), default="paper", help="SSSL as printed, or our defaults (%(default)s)"
    )
    group.add_argument("--epochs", type=at_least(1), default=30, metavar="N", help="in all (%(default)s)")
    group.add_argument(
        "--warmup-epochs", type=at_least(1), default=5, metavar="N", help="before the first split (%(default)s)"
    )
    add_max_duration(group)
    group.add_argument("--params", type=_params, default={}, metavar="JSON", help="further ones of SSSLClassifier")
    group.add_argument("--device", default="auto", help="a torch device (%(default)s)")


def add_max_duration(group):
    """Add how much of a song is used."""
    group.add_argument(
        "--max-duration", type=positive_number, default=30.0, metavar="S", help="used of a song (%(default)s)"
    )


def add_duration(group):
    """Add the one duration of all segments."""
    group.add_argument("--duration", type=positive_number, default=3.0, metavar="S", help="of a segment (%(default)s)")


def add_embedding(group):
    """Add the options of a frozen network."""
    group.add_argument(
        "--embedding",
        metavar="FILE",
        help="a frozen network from waveforms to embeddings, in a file of torch.jit.save or torch.export.save",
    )
    group.add_argument("--embedding-sr", type=positive_number, metavar="HZ", help="its sampling rate")
    group.add_argument("--embedding-window", type=positive_number, metavar="S", help="its window")


def _params(text):
    try:
        params = json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f'it must be JSON such as {{"lr": 0.001}}; {error}') from error
    if not isinstance(params, dict):
        raise argparse.ArgumentTypeError(f'it must be a JSON object such as {{"lr": 0.001}}, not {text!r}')
    for name in params.keys() & _OPTIONS.keys():
        raise argparse.ArgumentTypeError(f"{name} has an option of its own, --{_OPTIONS[name]}: give it there")
    return params


def settings_of(arguments, store):
    """Give the settings that the options say; refuse those that would fail after hours."""
    from skmer.reproduction import Settings
    from skmer.sssl.classifier import SSSLClassifier

    known = sorted(SSSLClassifier().get_params().keys() - _OPTIONS.keys())
    for name in arguments.params:
        if name not in known:
            raise CommandError(f"--params: SSSLClassifier has no parameter {name!r}; it has {', '.join(known)}.")
    if arguments.epochs <= arguments.warmup_epochs and arguments.params.get("noise_model", "gmm") is not None:
        raise CommandError(
            f"--epochs {arguments.epochs} leaves no epoch after --warmup-epochs {arguments.warmup_epochs}, so that "
            "SSSL would never split its labels: raise the one or lower the other."
        )
    return Settings(
        backbone=arguments.backbone,
        recipe=None if arguments.recipe == "skmer" else arguments.recipe,
        epochs=arguments.epochs,
        warmup_epochs=arguments.warmup_epochs,
        duration=arguments.duration,
        max_duration=arguments.max_duration,
        cross_fit=arguments.cross_fit,
        params=arguments.params,
        memory=str(store.absolute() / "cache"),
        device=arguments.device,
        embedding=_embedding(arguments),
        stack=_stack(arguments),
    )


def _stack(arguments):
    if arguments.what != "table3":
        return (1, 3, 5)
    for seconds in arguments.durations:
        if seconds != int(seconds):
            raise CommandError(f"--durations: those that are taken together are whole seconds, not {seconds:g}.")
    return tuple(sorted({int(seconds) for seconds in arguments.durations}))


def _embedding(arguments):
    """Check the three options of a deep embedding, and its file on a window of noise, before any song is read."""
    import math

    import numpy as np

    from skmer.feature_extraction.embeddings import EmbeddingTransformer

    given = {"embedding": arguments.embedding, "sr": arguments.embedding_sr, "window": arguments.embedding_window}
    if all(value is None for value in given.values()):
        return None
    for name, value in given.items():
        if value is None:
            option = "--embedding" + ("" if name == "embedding" else f"-{name}")
            raise CommandError(f"{option} is missing: a deep embedding is a file, its sampling rate and its window.")
    given["embedding"] = str(Path(arguments.embedding).absolute())
    faint = np.random.default_rng(0).normal(scale=1e-3, size=math.ceil(given["sr"] * given["window"]))
    EmbeddingTransformer(**given, device=arguments.device).transform([faint])
    return given
