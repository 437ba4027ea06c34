"""RunFolder: one run at a time has it, and nothing is removed that a run did not make."""

import os
import signal
import subprocess
import sys

import pytest

from skmer.models.run_folder import RunFolder


def test_a_store_is_never_a_folder_of_somebody_else(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").touch()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "none")
    for name, told in (("mine", "not what skmer train left"), ("file", "not what skmer train"), ("link", "nowhere")):
        with pytest.raises(ValueError, match=told):
            RunFolder(tmp_path / name)
    assert sorted(os.listdir(tmp_path)) == ["file", "link", "mine"]
    assert os.listdir(tmp_path / "mine") == ["letter"]


def test_only_what_a_run_made_is_removed(tmp_path):
    folder = tmp_path / "folds"
    run = RunFolder(folder)
    assert (run.earlier, run.holds_work()) == (False, False)
    run.close()
    again = RunFolder(folder)
    assert again.earlier
    (folder / "letter").touch()
    (folder / "songs").mkdir()
    again.remove()
    assert os.listdir(folder) == ["letter"]
    (folder / "letter").unlink()
    RunFolder(folder).remove()
    assert not folder.exists()


def test_one_run_at_a_time_has_a_folder(tmp_path):
    run = RunFolder(tmp_path / "folds")
    with pytest.raises(ValueError, match=rf"another skmer train, process {os.getpid()} on .*, is training this model"):
        RunFolder(tmp_path / "folds")
    assert (tmp_path / "folds" / "made-by-skmer-train.txt").exists()
    run.close()
    run.remove()  # no longer its own
    assert (tmp_path / "folds").exists()
    RunFolder(tmp_path / "folds").remove()


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
def test_a_killed_process_does_not_keep_the_folder(tmp_path):
    folder = tmp_path / "folds"
    code = f"import time; from skmer.models.run_folder import RunFolder; run = RunFolder({str(folder)!r})\n"
    code += "print('has it', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "has it\n"
    with pytest.raises(ValueError, match=f"process {process.pid} on "):
        RunFolder(folder)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    run = RunFolder(folder)
    assert run.earlier
    run.remove()
    assert not folder.exists()
