"""front_matter: the head of a card's page in YAML, which model hubs read."""

import json
import math
import re
from pathlib import Path

from skmer.models.estimate import CHOSEN

__all__ = ["front_matter"]

# names of metrics that hubs know, where they know them
_METRICS = {
    "accuracy": "accuracy",
    "macro-F1": "f1",
    "balanced accuracy": "balanced_accuracy",
    "R²": "r_squared",
    "CCC": "concordance_correlation_coefficient",
    "RMSE": "rmse",
}
_TASK = "audio-classification"
_OWN_SONGS = "audiofolder"  # what hubs call a folder of one's own recordings
_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9.+-]*")
# what a quoted text of YAML cannot hold as it is
_UNPRINTABLE = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def front_matter(card):
    """Return the head of a card's page, with its lines of dashes; there is no licence unless the card has one."""
    collection = card["data"].get("collection")
    head = {
        **_licence(card.get("license")),
        "library_name": "skmer",
        "pipeline_tag": _TASK,
        "tags": ["music", "music-emotion-recognition", f"skmer-{card['system']}"],
    }
    if collection:
        head["datasets"] = [collection]
    if card["estimate"] and (metrics := list(_metrics(card))):
        head["metrics"] = list(dict.fromkeys(metric["type"] for metric in metrics))
        task = {"type": _TASK, "name": "Music emotion recognition"}
        songs = {"type": collection or _OWN_SONGS, "name": card["data"]["labels_from"]}
        results = [{"task": task, "dataset": songs, "metrics": metrics}]
        head["model-index"] = [{"name": Path(card.get("model", "model")).stem, "results": results}]
    return "\n".join(["---", *_yaml(head), "---"])


def _licence(name):
    """Return the entries of a licence: hubs take an identifier, or the word "other" beside a name."""
    if not name:
        return {}
    return {"license": name} if _IDENTIFIER.fullmatch(name) else {"license": "other", "license_name": name}


def _metrics(card):
    estimate = card["estimate"]
    # of several systems, the estimate is that of the choice among them
    means = estimate["mean"][CHOSEN if "choice" in estimate else card["system"]]
    for score, value in means.items():
        if math.isfinite(value):
            name = f"{score}, mean of {estimate['n_splits']} folds"
            yield {"type": _METRICS[score.partition(" of ")[0]], "name": name, "value": round(value, 4)}


def _yaml(value, indent=""):
    """Yield the lines of a dict or list; every text is quoted, so that "no" and "1" stay texts."""
    items = value.items() if isinstance(value, dict) else ((None, item) for item in value)
    for key, item in items:
        begin = f"{indent}-" if key is None else f"{indent}{key}:"
        if not isinstance(item, dict | list):
            yield f"{begin} {_scalar(item)}"
        elif key is None:
            first, *rest = _yaml(item, f"{indent}  ")
            yield f"{begin} {first.lstrip()}"
            yield from rest
        else:
            yield begin
            yield from _yaml(item, f"{indent}  ")


def _scalar(value):
    if not isinstance(value, str):
        return f"{value:.4f}"
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
