"""RunFolder: one run at a time has it, and only what a run made is removed."""

import os
from pathlib import Path

import pytest

from skmer.models import files_of
from skmer.models.files import RunFolder


def test_a_store_is_never_a_folder_of_somebody_else(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").touch()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "none")
    for name, told in (("mine", "not created by skmer train"), ("file", "not created by"), ("link", "not exist")):
        with pytest.raises(ValueError, match=told):
            RunFolder(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["file", "link", "mine"]
    assert os.listdir(tmp_path / "mine") == ["letter"]


def test_only_what_a_run_made_is_removed(tmp_path):
    folder = tmp_path / "folds"
    run = RunFolder(folder)
    assert (run.resumed, run.holds_work()) == (False, False)
    run.close()
    again = RunFolder(folder)
    assert again.resumed
    (folder / "letter").touch()
    (folder / "songs").mkdir()
    again.remove()
    assert os.listdir(folder) == ["letter"]
    (folder / "letter").unlink()
    RunFolder(folder).remove()
    assert not folder.exists()


def test_one_run_at_a_time_has_a_folder(tmp_path):
    run = RunFolder(tmp_path / "folds")
    with pytest.raises(
        ValueError, match=rf"another skmer train \(process {os.getpid()} on .*\) is training this model"
    ):
        RunFolder(tmp_path / "folds")
    assert (tmp_path / "folds" / "made-by-skmer-train.txt").exists()
    run.close()
    run.remove()  # no longer its own
    assert (tmp_path / "folds").exists()
    RunFolder(tmp_path / "folds").remove()


def test_files_beside_a_model():
    assert [path.name for path in files_of("a/b.v2")] == ["b.v2-card.md", "b.v2-card.json", "b.v2.folds"]
    assert files_of("a/model.PKL")[2] == Path("a/model.folds")
