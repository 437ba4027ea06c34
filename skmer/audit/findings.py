"""The findings of an audit as sentences, the gravest first."""

import numpy as np

__all__ = ["find_oddities", "findings"]

_CLIPPED = 0.01  # share of samples
_MOSTLY_SILENT = 0.5
_MUCH_MORE = 0.05  # accuracy of a dummy that knows more, above that of one that knows nothing
_FAR = 20.0  # dB between the level of a song and the median


def find_oddities(audit):
    """Return the songs that are silent, mostly silent, clipped, much louder or softer, or much shorter than the others.

    A dict from a phrase to a list of positions, without empty lists.
    """
    facts = audit.facts
    known = [i for i, fact in enumerate(facts) if fact.error is None]
    levels = {i: facts[i].level for i in known if np.isfinite(facts[i].level)}
    middle = np.median(list(levels.values())) if levels else 0.0
    length = np.median([facts[i].duration for i in known]) if known else 0.0
    found = {
        "digital silence": [i for i in known if np.isneginf(facts[i].level)],
        "silent for more than half of their time": [
            i for i in known if facts[i].silent > _MOSTLY_SILENT and np.isfinite(facts[i].level)
        ],
        "at full scale in more than one of a hundred samples": [i for i in known if facts[i].clipped > _CLIPPED],
        "20 dB or more from the median level": [i for i, level in levels.items() if abs(level - middle) >= _FAR],
        "shorter than a quarter of the median length": [i for i in known if facts[i].duration < length / 4],
    }
    return {phrase: songs for phrase, songs in found.items() if songs}


def findings(audit):
    """Return sentences on what was found, the gravest first; none for a collection without faults."""
    sentences: list[str] = []
    add = sentences.append
    if audit.contradictions:
        n = sum(map(len, audit.contradictions))
        occur = _count(len(audit.contradictions), "recording occurs", "recordings occur")
        add(f"{occur} with different labels, in {n} songs.")
    extra = len(audit.names) - len(np.unique(audit.recordings))
    if extra:
        same = sum(copy.same_bytes for copy in audit.copies)
        add(
            f"{_count(extra, 'song is a copy', 'songs are copies')} of another one ({_count(same, 'pair')} of equal "
            f"files, {_count(len(audit.copies) - same, 'pair')} of equal sound): keep them in one fold, or remove them."
        )
    if audit.across_groups:
        occur = _count(len(audit.across_groups), "recording occurs", "recordings occur")
        add(f"{occur} in several groups, such as artists.")
    for what, shared in (("recording", audit.shared_recordings), ("group, such as the artist,", audit.shared_groups)):
        for split, counts in shared.items():
            for (first, second), n in counts.items():
                total = len(audit.splits[split][second])
                if first == "train":
                    add(f"Split {split}: the {what} of {n} of the {total} {second} songs is also in {first}.")
    if audit.label_by_group is not None and audit.label_by_group[0] > audit.label_by_group[1] + _MUCH_MORE:
        informed, dummy = audit.label_by_group
        add(
            f"The group predicts the label: a dummy that knows it is right for {informed:.0%} of the songs, one that "
            f"knows nothing for {dummy:.0%}. Evaluate with grouped folds."
        )
    if audit.label_by_format is not None and audit.label_by_format[0] > audit.label_by_format[1] + _MUCH_MORE:
        informed, dummy = audit.label_by_format
        add(
            f"The file format predicts the label: a dummy that knows format, sampling rate and channels is right for "
            f"{informed:.0%} of the songs, one that knows nothing for {dummy:.0%}."
        )
    if audit.unreadable:
        add(f"{_count(len(audit.unreadable), 'song')} cannot be read.")
    for phrase, songs in find_oddities(audit).items():
        add(f"{_count(len(songs), 'song is', 'songs are')} {phrase}.")
    return sentences


def _count(n, one, many=None):
    return f"{n:,} {one if n == 1 else many or one + 's'}"
