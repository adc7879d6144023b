"""Folders appear whole, are replaced whole, and what a killed process leaves is cleared up."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file

from workbench.errors import WorkbenchError
from workbench.lm import folders
from workbench.lm.folders import settle, whole_folder


def put(target, text):
    with whole_folder(target) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "file").write_text(text)


def said(target):
    return (target / "sub" / "file").read_text()


def test_a_folder_is_written_and_replaced(tmp_path):
    target = tmp_path / "adapter"
    put(target, "first")
    put(target, "second")
    assert said(target) == "second"
    assert os.listdir(tmp_path) == ["adapter"]


def test_an_error_leaves_what_was_there(tmp_path):
    target = tmp_path / "adapter"
    put(target, "first")
    with pytest.raises(TypeError), whole_folder(target) as folder:
        (folder / "half").write_text(None)
    assert said(target) == "first"
    assert os.listdir(tmp_path) == ["adapter"]


def test_a_rename_that_fails_puts_the_old_one_back(tmp_path, monkeypatch):
    target = tmp_path / "adapter"
    put(target, "first")
    plain = folders.Path.rename

    def rename(self, to):
        if self.name.startswith(".tmp-"):
            raise OSError(28, "No space left on device")
        return plain(self, to)

    monkeypatch.setattr(folders.Path, "rename", rename)
    with pytest.raises(WorkbenchError, match="No space left on device"):
        put(target, "second")
    assert said(target) == "first"
    assert os.listdir(tmp_path) == ["adapter"]


DIES = """
import os, pathlib, signal, sys
from workbench.lm import folders
plain, count = pathlib.Path.rename, 0
def rename(self, to):
    global count
    count += 1
    if count == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return plain(self, to)
pathlib.Path.rename = rename
with folders.whole_folder(pathlib.Path(sys.argv[1])) as folder:
    (folder / "sub").mkdir()
    (folder / "sub" / "file").write_text("second")
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
@pytest.mark.parametrize("at", [1, 2])
def test_a_kill_at_either_rename_keeps_the_old_one(tmp_path, at):
    target = tmp_path / "adapter"
    put(target, "first")
    assert subprocess.run([sys.executable, "-c", DIES, str(target), str(at)]).returncode == -9
    assert target.exists() == (at == 1)
    settle(tmp_path)
    assert said(target) == "first"
    assert os.listdir(tmp_path) == ["adapter"]


def test_what_is_being_written_elsewhere_is_left_alone(tmp_path):
    (tmp_path / f".tmp-model-{os.getppid()}").mkdir()
    (tmp_path / f".tmp-model-{2**22 + 5}").mkdir()
    (tmp_path / ".old-model").mkdir()
    (tmp_path / "model").mkdir()
    settle(tmp_path)
    assert set(os.listdir(tmp_path)) == {"model", f".tmp-model-{os.getppid()}"}


def test_a_disk_that_is_full_under_safetensors_is_one_sentence(tmp_path, small_disk):
    with pytest.raises(WorkbenchError, match=r"failed: No space left on device\.") as caught:
        with whole_folder(small_disk / "adapter") as folder:
            save_file({"weight": torch.zeros(1_000_000)}, folder / "adapter_model.safetensors")
    assert "Free some space" in caught.value.hint
    assert list(small_disk.iterdir()) == []
