"""The table in whose place a new one is to be written: replaced, or kept with an error."""

import json
from dataclasses import replace

import pytest

from skmer.reproduction import MirableSettings, Settings
from skmer.reproduction.overwrite import check_overwrite
from skmer.reproduction.systems import EMBEDDING, STACK


def table(settings=None, *, folds="stratified", n_splits=10, threshold=None, kind="table3", **changed):
    rows = [{"name": name, "seed": seed} for name in changed.pop("names", "a") for seed in changed.pop("seeds", [0])]
    protocol = {"folds": folds, "n_splits": n_splits, "threshold": threshold}
    experiments = {changed.pop("task", "valence"): {"protocol": protocol, "rows": rows}}
    settings = (settings or Settings()).to_dict()
    return {"table": kind, "settings": settings, "songs": "abc", "experiments": experiments, **changed}


@pytest.fixture
def check(tmp_path):
    """Check a new table against an earlier one."""

    def check(before, new):
        path = tmp_path / "t.json"
        path.write_text(json.dumps(before))
        check_overwrite(path, new)

    return check


@pytest.mark.parametrize(
    "text",
    ["", "{", "3", "null", "[]", "{}", '{"settings": 3}', '{"settings": {}, "experiments": []}',
     '{"settings": {}, "experiments": {"a": 3}}', '{"settings": {}, "experiments": {"a": {"rows": []}}}', "\x00\xff"],
)  # fmt: skip
def test_a_file_that_is_not_a_table_is_named(tmp_path, text):
    path = tmp_path / "table3-x.json"
    path.write_bytes(text.encode("latin-1"))
    for new in (table(), {"table": "table1", "counts": {}}, {"table": "mirable", "settings": {}, "rows": []}):
        with pytest.raises(ValueError, match=r"table3-x\.json is not a table of skmer reproduce.*Move it away"):
            check_overwrite(path, new)
    check_overwrite(tmp_path / "none.json", table())


@pytest.mark.parametrize(
    ("new", "names"),
    [
        (table(Settings(epochs=9)), "epochs"),
        (table(Settings(epochs=9, recipe=None)), "recipe, epochs"),
        (table(Settings(params={"lr": 0.1})), "params"),
        (table(n_splits=5), "n_splits"),
        (table(Settings(duration=1.0), threshold=0.5), "duration, threshold"),
        (table(songs="other"), "songs"),
    ],
)
def test_other_settings_are_named(check, new, names):
    with pytest.raises(ValueError, match=rf"t\.json contains a table with other settings \({names}\)\. .* --store\.$"):
        check(table(), new)


@pytest.mark.parametrize(
    ("before", "new"),
    [
        (table(), table(Settings(device="cuda", memory="elsewhere"))),
        (table(folds="split_zip"), table(folds="split_zip", n_splits=3)),  # a published split has no n_splits
        (table(kind="table2"), table(Settings(duration=1.0), kind="table2")),  # durations are in the rows
        (table(), table(Settings(stack=(1, 2)))),  # of a row that the earlier table lacks
    ],
)
def test_settings_that_change_no_row_may_differ(check, before, new):
    check(before, new)


def test_settings_of_a_row_count_where_the_table_has_it(check, tmp_path):
    path = tmp_path / "net.pt"
    path.write_bytes(b"one")
    settings = Settings(embedding={"embedding": str(path), "sr": 8000, "window": 1.0})
    row = {"names": [EMBEDDING]}
    with pytest.raises(ValueError, match=r"other settings \(stack\)"):
        check(table(names=[f"{STACK} (1, 3, 5 s)"]), table(Settings(stack=(1, 2))))
    check(table(), table(settings))
    for other in (Settings(), replace(settings, embedding={**settings.embedding, "window": 0.5})):
        with pytest.raises(ValueError, match=r"other settings \(embedding\)"):
            check(table(settings, **row), table(other))
    # the same file elsewhere is the same, other contents are not
    before = table(settings, **row)
    (tmp_path / "elsewhere").mkdir()
    moved = path.rename(tmp_path / "elsewhere" / "net.pt")
    there = Settings(embedding={**settings.embedding, "embedding": str(moved)})
    check(before, table(there, **row))
    moved.write_bytes(b"two")
    with pytest.raises(ValueError, match=r"other settings \(embedding\)"):
        check(before, table(there, **row))


def test_a_table_of_an_earlier_version_lacks_settings_and_songs(check):
    before = table()
    del before["settings"]["stack"], before["settings"]["embedding"], before["songs"]
    check(before, table())


def test_a_table_may_grow_but_not_shrink(check):
    check(table(names="a"), table(names="ab"))
    for before, lost in [
        (table(names="ac"), r"'c' \(valence, seed 0\)"),
        (table(task="arousal"), r"'a' \(arousal, seed 0\)"),
        (table(seeds=(0, 1)), r"'a' \(valence, seed 1\)"),
    ]:
        with pytest.raises(ValueError, match=rf"rows missing from the new table, such as {lost}\. .* --store\.$"):
            check(before, table(names="ab"))


def test_counts(check):
    def counts(durations, source="audio", max_duration=30.0):
        counts = dict.fromkeys(durations)
        return {"table": "table1", "songs": "x", "source": source, "max_duration": max_duration, "counts": counts}

    check(counts("12"), counts("123"))
    for before, names in [
        (counts("4"), "durations"),
        (counts("1", source="tables"), "source"),
        (counts("14", max_duration=2.0), "max_duration, durations"),
    ]:
        # there are no folds to share
        with pytest.raises(ValueError, match=rf"\({names}\)\. To keep it, choose another folder .* \(--out\)\.$"):
            check(before, counts("123"))


def test_tables_of_tags(check):
    def tags(names="a", seed=0, labelled=9, **settings):
        part = {"fold": 0, "labelled": labelled, "unlabelled": 0, "validation": 3, "test": 4}
        rows = [{"name": name, "fold": 0, "seed": seed} for name in names]
        settings = MirableSettings(**settings).to_dict()
        return {"table": "mirable", "settings": settings, "songs": "x", "tags": ["t"], "parts": [part], "rows": rows}

    check(tags(), tags("ab", device="cpu"))
    for new, message in [
        (tags(epochs=3), r"settings \(epochs\)"),
        (tags(labelled=5), r"settings \(parts\)"),
        (tags("b"), r"such as a \(fold 0, seed 0\)\. .* share finished rows through --store\.$"),
    ]:
        with pytest.raises(ValueError, match=message):
            check(tags(), new)
    with pytest.raises(ValueError, match=r"such as a \(fold 0\)\."):
        check(tags(seed=None), tags("b"))
