"""MTG-Jamendo as its authors publish it, with some tracks of two seconds; options that make it quick; a table."""

from skmer.model_selection.tag_metrics import TAG_SCORES
from skmer.reproduction import MirableSettings
from tests.reproduction.tiny import write_song

HEADER = "TRACK_ID\tARTIST_ID\tALBUM_ID\tPATH\tDURATION\tTAGS"
N_TRAIN, N_VALIDATION, N_TEST, N_UNTAGGED = 20, 8, 8, 6
# two tracks an artist; numbers from 3,500 so that folders are 00 to 41
NUMBERS = {
    "train": range(3500, 3500 + N_TRAIN),
    "validation": range(3520, 3520 + N_VALIDATION),
    "test": range(3528, 3528 + N_TEST),
}
UNTAGGED = range(3536, 3536 + N_UNTAGGED)
TAGS = ["calm", "energetic", "sad"]
QUICK = (
    "--long", "1.4", "--short", "0.95", "--epochs", "2", "--backbone-params", '{"width": 4, "n_hidden": 8}',
    "--params", '{"lr": 0.01, "mask_range": [0, 2]}', "--noisy-params", '{"mask_range": [0, 2]}',
    "--device", "cpu", "-q",
)  # fmt: skip


def path_of(number, ending=".mp3"):
    return f"{number % 100:02}/{number}{ending}"


def tags_of(number):
    # the tone of the first two is higher and louder
    first = "energetic" if number % 4 < 2 else "calm"
    return [first, "sad"] if number % 3 == 0 else [first]


def _line(number):
    tags = "\t".join(f"mood/theme---{tag}" for tag in tags_of(number))
    return f"track_{number:07}\tartist_{number // 2:06}\talbum_000007\t{path_of(number)}\t30.5\t{tags}"


def write_tables(home, split=0):
    folder = home / "data" / "splits" / f"split-{split}"
    folder.mkdir(parents=True, exist_ok=True)
    for part, numbers in NUMBERS.items():
        lines = [HEADER, *map(_line, numbers)]
        (folder / f"autotagging_moodtheme-{part}.tsv").write_bytes("".join(line + "\r\n" for line in lines).encode())


def write_jamendo(home, untagged=True, ending=".mp3"):
    """Write the tables and the audio; return the paths of the tracks."""
    write_tables(home)
    numbers = [n for own in NUMBERS.values() for n in own] + (list(UNTAGGED) if untagged else [])
    paths = [home / "audio" / path_of(number, ending) for number in numbers]
    for number, path in zip(numbers, paths, strict=True):
        write_song(path, number)
    return paths


def make_table(dataset="mtg_jamendo", folds=(0,), rows=("baseline", "long-hpcp-noisy", "ensemble"), **part):
    """Return a table as `run_mirable` does, with figures that are easily told apart."""
    belief = {"positive_above": 0.1, "negative_below": 1e-6, "positive": 0.25, "negative": 0.5, "masked": 0.25}
    more = {
        "baseline": {"seconds": 12.0},
        "long-hpcp-noisy": {"pseudo_labels": [{**belief, "teacher_roc_auc": 0.7, "valid_roc_auc": 0.71}]},
        "ensemble": {"weight": 0.62},
    }
    about = {"labelled": 9949, "unlabelled": 100, "hidden": 0, "validation": 3802, "test": 4231}
    about |= {f"tags_not_in_{which}": [] for which in ("labelled", "validation", "test")}
    split = 0 if dataset == "mtg_jamendo" else None
    return {
        "table": "mirable", "dataset": dataset, "title": "T", "unit": "track", "n_songs": 17982,
        "n_artists": 1508, "tags": ["a", "b"],
        "notes": ["A subset."], "settings": MirableSettings().to_dict(),
        "protocol": {"split": split, "n_folds": len(folds), "folds": list(folds), "seeds": [0], "hide": 0.0},
        "parts": [{"fold": fold, **about, **part} for fold in folds],
        "rows": [
            {"name": name, "fold": k, "seed": 0, "scores": dict.fromkeys(TAG_SCORES, 0.75 + k / 100), **more[name]}
            for k in folds
            for name in rows
        ],
    }  # fmt: skip
