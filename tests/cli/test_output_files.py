"""Files that a command writes: checked before the work, and written atomically."""

import os

import pytest

from skmer.cli._common import CommandError, atomic_output, check_output


def write_both(part, path):
    part.write_text("ours")
    path.write_text("theirs")


def break_off(part):
    part.write_text("half")
    raise KeyboardInterrupt


def test_a_file_is_replaced_with_force_only(tmp_path):
    path = tmp_path / "a.csv"
    for force in (False, True):
        with atomic_output(path, force) as part:
            part.write_text(str(force))
    assert path.read_text() == "True"
    with pytest.raises(CommandError, match="--force"), atomic_output(path, force=False):
        pytest.fail("the block is run")
    assert os.listdir(tmp_path) == ["a.csv"]


def test_a_file_that_came_meanwhile_stays(tmp_path):
    path = tmp_path / "a.csv"
    with pytest.raises(CommandError, match="exists already") as caught, atomic_output(path, False, True) as part:
        write_both(part, path)
    assert path.read_text() == "theirs"
    kept = part.with_name(part.name.removeprefix("."))
    assert kept.read_text() == "ours"
    assert str(kept) in caught.value.__notes__[0]


def test_what_is_finished_is_kept_with_keep_part_only(tmp_path):
    for keep in (False, True):
        with pytest.raises(KeyboardInterrupt), atomic_output(tmp_path / "a.csv", False, keep_part=keep) as part:
            break_off(part)
        assert os.listdir(tmp_path) == [part.name.removeprefix(".")] * keep


def test_outputs_that_cannot_be_written_are_errors(tmp_path):
    read = tmp_path / "read.csv"
    read.touch()
    (tmp_path / "link.csv").symlink_to(read)
    for path, words in [
        (tmp_path, "this is a folder"),
        (tmp_path / "no" / "a.csv", "the folder .* does not exist"),
        (tmp_path / "link.csv", "read by the same command"),
    ]:
        with pytest.raises(CommandError, match=words):
            check_output(path, force=True, inputs=[read, tmp_path / "gone"])
    with atomic_output(os.devnull, force=False) as part:
        assert str(part) == os.devnull
