"""Figures of the papers, with the corrections of misprints that `docs/reports/reproduction.md` lists."""

from typing import Any

__all__ = [
    "FIGURE_2_SONG",
    "MIRABLE_DATASET",
    "MIRABLE_TABLE_1",
    "MIRABLE_TABLE_2",
    "MIRABLE_WEIGHT_OF_SHORT",
    "RATINGS",
    "RATINGS_SOURCES",
    "TABLE_1",
    "TABLE_2",
    "TABLE_3",
]

# Sun et al.: numbers of segments of 1, 2, 3, 4 and 5 s
TABLE_1: dict[str, dict[str, Any]] = {
    "pmemo": {"n_songs": 767, "n_segments": (22945, 22184, 21411, 20640, 19869)},
    "4q": {"n_songs": 900, "n_segments": (26957, 26046, 25135, 24231, 23330)},
    "eim": {"n_songs": 1000, "n_segments": (29982, 28981, 27976, 26973, 25971)},
}

# accuracy and F1 in percent, by dataset, task and duration in seconds
TABLE_2 = {
    "pmemo": {
        "valence": {1: (77.43, 81.32), 2: (78.71, 82.20), 3: (83.19, 82.31), 4: (82.11, 81.71), 5: (82.69, 81.32)},
        "arousal": {1: (85.42, 86.61), 2: (84.20, 85.26), 3: (84.49, 86.01), 4: (81.20, 82.20), 5: (84.42, 82.61)},
    },
    "4q": {
        "valence": {1: (69.11, 67.32), 2: (71.32, 72.45), 3: (75.20, 77.37), 4: (74.32, 76.55), 5: (74.59, 77.05)},
        "arousal": {1: (87.20, 86.67), 2: (86.60, 86.70), 3: (86.56, 86.14), 4: (85.30, 86.65), 5: (85.67, 86.51)},
    },
}

# accuracy and F1 in percent (None: not reported), by dataset, task and method
TABLE_3: dict[str, dict[str, dict[str, tuple[float | None, float | None]]]] = {
    "pmemo": {
        "valence": {
            "SVM": (70.43, 75.32),
            "2-Stage": (79.01, 83.20),
            "Proposed*": (79.01, 82.01),
            "Proposed": (83.19, 82.31),
        },
        "arousal": {
            "SVM": (71.49, 76.36),
            "2-Stage": (83.20, 83.20),
            "Proposed*": (81.20, 82.20),
            "Proposed": (85.42, 86.61),
        },
    },
    "4q": {
        "valence": {"2-Stage": (67.11, 67.11), "Proposed*": (76.32, 76.45), "Proposed": (77.20, 78.37)},
        "arousal": {"2-Stage": (86.56, 86.56), "Proposed*": (86.70, 86.50), "Proposed": (87.20, 86.67)},
        "quadrant": {
            "Audio Embedding": (72.00, None),
            "SVM": (None, 76.41),
            "Proposed*": (74.39, 75.30),
            "Proposed": (76.49, 77.60),
        },
    },
    "eim": {
        "quadrant": {"Audio Embedding": (72.00, None), "Proposed*": (72.90, 73.32), "Proposed": (75.81, 75.34)},
    },
}

FIGURE_2_SONG = {"4q": "MT0010465830"}


# Tan (2021), on the test tracks of split-0 of MTG-Jamendo: ROC-AUC, PR-AUC and F-score; mean true positive and true
# negative rates; the weight of short-normal in the ensemble
MIRABLE_DATASET = "mtg_jamendo"
MIRABLE_TABLE_1 = {
    "baseline": (0.7258, 0.1077, 0.1656),
    "long-normal": (0.7256, 0.1024, 0.1578),
    "long-hpcp": (0.7587, 0.1220, 0.1854),
    "long-hpcp-noisy": (0.7614, 0.1235, 0.1833),
    "short-normal": (0.7477, 0.1234, 0.1855),
    "short-hpcp": (0.7541, 0.1275, 0.1864),
    "short-hpcp-noisy": (0.7488, 0.1226, 0.1804),
    "ensemble": (0.7687, 0.1356, 0.1978),
}
MIRABLE_TABLE_2 = {
    "long-hpcp-noisy": (0.3645, 0.8851),
    "short-normal": (0.3842, 0.8737),
    "ensemble": (0.4099, 0.8671),
}
MIRABLE_WEIGHT_OF_SHORT = 0.7

# R² of valence and of arousal of whole songs, by collection and model
RATINGS = {
    "pmemo": {"Music2Emo": (0.547, 0.794)},
    "deam": {"Music2Emo": (0.518, 0.623)},
    "eim": {"Music2Emo": (0.651, 0.762), "MERT": (0.612, 0.747)},
}
RATINGS_SOURCES = {
    "Music2Emo": 'Kang and Herremans (2025), "Towards Unified Music Emotion Recognition across Dimensional and '
    'Categorical Models"; one split of their own, trained on four collections together',
    "MERT": 'Li et al. (2024), "MERT: Acoustic Music Understanding Model with Large-Scale Self-supervised Training": '
    "the split of Castellon et al. (2021), whose test songs are MediaEval's evaluation songs of 2013 "
    "(--protocol mediaeval2013)",
}
