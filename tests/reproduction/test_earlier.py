"""What stands where a table is to be written: taken up, or left as it is with a sentence."""

import json
from dataclasses import replace

import pytest

from skmer.reproduction import Settings
from skmer.reproduction.comparisons import EMBEDDING, STACK
from skmer.reproduction.earlier import check_counts, check_rows, check_settings, read_earlier


def earlier(settings=None, folds="stratified", n_splits=10, threshold=None, table="table3", row="a"):
    protocol = {"folds": folds, "n_splits": n_splits, "threshold": threshold}
    experiment = {"protocol": protocol, "rows": [{"name": row, "seed": 0}]}
    settings = json.loads(json.dumps((settings or Settings()).to_dict()))
    return {"table": table, "settings": settings, "experiments": {"valence": experiment}}


@pytest.mark.parametrize(
    "text",
    ["", "{", "3", "null", "[]", "{}", '{"settings": 3}', '{"settings": {}, "experiments": []}',
     '{"settings": {}, "experiments": {"a": 3}}', '{"settings": {}, "experiments": {"a": {"rows": []}}}', "\x00\xff"],
)  # fmt: skip
def test_what_is_no_table_is_named(tmp_path, text):
    path = tmp_path / "table3-x.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=r"table3-x\.json: this is no table of skmer reproduce.*Move it away"):
        read_earlier(path)


def test_a_table_is_read(tmp_path):
    path = tmp_path / "t.json"
    path.write_text(json.dumps(earlier()))
    assert read_earlier(path) == earlier()
    path.write_text('{"counts": {}}')
    assert read_earlier(path, ["counts"]) == {"counts": {}}
    assert read_earlier(tmp_path / "none.json") is None


@pytest.mark.parametrize(
    ("settings", "n_splits", "threshold", "names"),
    [
        (Settings(epochs=9), 10, None, "epochs"),
        (Settings(epochs=9, recipe=None), 10, None, "recipe, epochs"),
        (Settings(params={"lr": 0.1}), 10, None, "params"),
        (Settings(), 5, None, "n_splits"),
        (Settings(duration=1.0), 10, 0.5, "duration, threshold"),
    ],
)
def test_other_settings_are_named(settings, n_splits, threshold, names):
    with pytest.raises(ValueError, match=rf"t\.json: this table has other settings \({names}\)\. Name another folder"):
        check_settings("t.json", earlier(), settings, n_splits, threshold)


@pytest.mark.parametrize(
    ("before", "settings", "n_splits"),
    [
        (earlier(), Settings(), 10),
        (earlier(), Settings(device="cuda", memory="elsewhere"), 10),
        (earlier(folds="split_zip"), Settings(), 3),  # it has its own parts
        (earlier(table="table2"), Settings(duration=1.0), 10),  # which stand in its rows
        (earlier(Settings(params={"lr": 0.1})), Settings(params={"lr": 0.1}), 10),
    ],
)
def test_what_decides_nothing_is_no_other_setting(before, settings, n_splits):
    check_settings("t.json", before, settings, n_splits, None)


@pytest.fixture
def embedding(tmp_path):
    path = tmp_path / "net.pt"
    path.write_bytes(b"one")
    return {"embedding": str(path), "sr": 4000.0, "window": 0.25}


def test_settings_that_touch_no_row_are_no_other_settings(embedding, tmp_path):
    with_it, stacked = Settings(embedding=embedding), Settings(stack=(2, 4))
    for before, now in [(Settings(), with_it), (with_it, Settings()), (Settings(), stacked), (with_it, stacked)]:
        check_settings("t.json", earlier(before), now, 10, None)
    row = f"{STACK} (1, 3, 5 s)"
    check_settings("t.json", earlier(row=row), with_it, 10, None)
    with pytest.raises(ValueError, match=r"other settings \(stack\)"):
        check_settings("t.json", earlier(row=row), stacked, 10, None)
    check_settings("t.json", earlier(with_it, row=EMBEDDING), with_it, 10, None)
    check_settings("t.json", earlier(with_it, row=EMBEDDING), replace(stacked, embedding=embedding), 10, None)
    longer = {**embedding, "window": 0.5}
    for other in (Settings(), Settings(embedding=longer)):
        with pytest.raises(ValueError, match=r"other settings \(embedding\)"):
            check_settings("t.json", earlier(with_it, row=EMBEDDING), other, 10, None)
    before = earlier(with_it, row=EMBEDDING)
    (tmp_path / "elsewhere").mkdir()
    moved = (tmp_path / "net.pt").rename(tmp_path / "elsewhere" / "net.pt")
    check_settings("t.json", before, Settings(embedding={**embedding, "embedding": str(moved)}), 10, None)
    moved.write_bytes(b"two")
    with pytest.raises(ValueError, match=r"other settings \(embedding\)"):
        check_settings("t.json", before, Settings(embedding={**embedding, "embedding": str(moved)}), 10, None)


def test_the_way_out_is_told():
    elsewhere = r"another folder for the results \(--out\), and share finished folds through --store\.$"
    with pytest.raises(ValueError, match=f"Name {elsewhere}"):
        check_settings("t.json", earlier(), Settings(epochs=9), 10, None)
    with pytest.raises(ValueError, match=f"Run both together, or name {elsewhere}"):
        check_rows("t.json", rows("a", "b"), rows("a"))


def rows(*names, task="valence", seeds=(0,)):
    return {"experiments": {task: {"rows": [{"name": name, "seed": seed} for name in names for seed in seeds]}}}


def test_a_table_may_grow_but_not_shrink():
    check_rows("t.json", rows("a"), rows("a", "b", seeds=(0, 1)))
    for before, lost in [
        (rows("a", "c"), r"'c' \(valence, seed 0\)"),
        (rows("a", task="arousal"), r"'a' \(arousal, seed 0\)"),
        (rows("a", seeds=(0, 1)), r"'a' \(valence, seed 1\)"),
    ]:
        with pytest.raises(ValueError, match=rf"t\.json: this table has what the new one would lack, such as {lost}\."):
            check_rows("t.json", before, rows("a", "b"))


def test_counts_of_other_options():
    def counts(durations, source="audio", max_duration=30.0):
        return {"source": source, "max_duration": max_duration, "counts": dict.fromkeys(durations)}

    check_counts("t.json", counts("12"), counts("123"))
    for before, names in [
        (counts("4"), "durations"),
        (counts("1", source="tables"), "source"),
        (counts("14", max_duration=2.0), "max_duration, durations"),
    ]:
        with pytest.raises(ValueError, match=rf"\({names}\)"):
            check_counts("t.json", before, counts("123"))
