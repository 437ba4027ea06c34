"""``skmer reproduce`` on the tiny collections, and what it leaves in its folder."""

import json
from pathlib import Path

from skmer.cli import main
from tests.reproduction.tiny import QUICK, QUICK_OF

# that a tiny collection has fewer songs than the published one
WARNING = "skmer reproduce: warning: "


def errors(err):
    """What a command says to standard error, but for warnings."""
    return "".join(line for line in err.splitlines(keepends=True) if not line.startswith(WARNING))


def arguments(what, dataset="pmemo", *further, out="out"):
    home = "songs.csv" if dataset == "csv" else dataset
    settings = QUICK_OF.get(what, QUICK)
    return ["reproduce", what, "--collection", dataset, "--data-home", home, "--out", out, *settings, *further]


def run(what, dataset="pmemo", *further, out="out"):
    return main(arguments(what, dataset, *further, out=out))


def read(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def timeless(path):
    """A table without what differs from run to run."""
    table = read(path)
    for part in (table, *table["experiments"].values()):
        del part["date"]
    for experiment in table["experiments"].values():
        for row in experiment["rows"]:
            del row["seconds"]
    return table


def finished(out="out"):
    return {path: path.stat().st_mtime_ns for path in Path(out, "folds").glob("*/*/*.json")}


def sentence(capsys, *command):
    """Run a command that must end in one sentence; give its status and the sentence."""
    capsys.readouterr()
    try:
        status = main([str(word) for word in command])
    except SystemExit as end:
        status = end.code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    lines = [line for line in err.splitlines() if not line.startswith(("usage:", " ", WARNING))]
    assert len(lines) == 1
    return status, lines[0]
