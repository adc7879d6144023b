"""Checkpoints: whole or absent, whatever kills the writer, fills the disk or flips a bit."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import torch

from workbench.errors import WorkbenchError
from workbench.lm import checkpoints

KILLS = {"disk": 40, "memory": 160}
"""On a disk a write waits for it ten times; where the files lie in memory the kills fall elsewhere in it."""


def write(folder, step, value=None, **fields):
    value = step if value is None else value
    tensors = {"weight": torch.full((64,), float(value)), "rng": torch.arange(16, dtype=torch.uint8)}
    return checkpoints.write(folder, step, tensors, {"value": value}, **fields)


def steps(folder):
    return sorted(int(path.name.removeprefix("step-")) for path in (folder / "checkpoints").iterdir())


def test_what_is_written_is_read(tmp_path):
    write(tmp_path, 3)
    found = checkpoints.newest(tmp_path)
    assert (found.step, found.state(), found.damaged) == (3, {"value": 3}, ())
    assert torch.equal(found.tensors()["weight"], torch.full((64,), 3.0))
    assert found.tensors()["rng"].dtype == torch.uint8
    assert {path.name for path in found.folder.iterdir()} == {"tensors.safetensors", "state.json", "manifest.json"}


def test_there_is_none_before_the_first(tmp_path):
    assert checkpoints.newest(tmp_path) is None
    checkpoints.sweep(tmp_path)
    assert os.listdir(tmp_path) == []


def test_the_two_newest_stay_by_step_and_not_by_clock(tmp_path):
    for step in (1, 2, 10):
        folder = write(tmp_path, step)
        os.utime(folder, (1e9 - step, 1e9 - step))  # a clock that goes back
    assert steps(tmp_path) == [2, 10]
    write(tmp_path, 11)
    assert steps(tmp_path) == [10, 11]
    assert checkpoints.newest(tmp_path).step == 11


def test_a_step_that_is_written_again_is_replaced(tmp_path):
    write(tmp_path, 1)
    write(tmp_path, 2)
    write(tmp_path, 2, value=7)
    assert steps(tmp_path) == [1, 2]
    assert checkpoints.newest(tmp_path).state() == {"value": 7}


def test_a_run_that_was_taken_back_forgets_its_other_future(tmp_path):
    write(tmp_path, 4)
    flip(write(tmp_path, 5) / "tensors.safetensors")
    assert checkpoints.newest(tmp_path).step == 4
    write(tmp_path, 4, value=0)
    assert steps(tmp_path) == [4]


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path):
    path.write_bytes(path.read_bytes() + b" ")


def remove(path):
    path.unlink()


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("name", ["tensors.safetensors", "state.json", "manifest.json"])
@pytest.mark.parametrize("damage", [flip, cut, lengthen, remove, empty])
def test_a_damaged_one_is_passed_over(tmp_path, name, damage):
    write(tmp_path, 1)
    damage(write(tmp_path, 2) / name)
    harmless = name == "manifest.json" and damage is lengthen  # a blank behind the JSON changes nothing it says
    found = checkpoints.newest(tmp_path)
    assert found.step == (2 if harmless else 1)
    assert found.damaged == (() if harmless else ("step-000002",))


def test_every_bit_of_the_manifest_counts_or_changes_nothing(tmp_path):
    """A flipped bit makes it another manifest, which is refused, or leaves what it says as it was."""
    folder = write(tmp_path, 1)
    content = (folder / "manifest.json").read_bytes()
    said = json.loads(content)
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        (folder / "manifest.json").write_bytes(changed)
        if checkpoints.newest(tmp_path) is not None:
            assert json.loads(changed) == said


def test_a_renamed_or_foreign_folder_is_no_checkpoint(tmp_path):
    write(tmp_path, 1)
    folder = write(tmp_path, 2)
    folder.rename(folder.with_name("step-000099"))
    (tmp_path / "checkpoints" / "step-000100").mkdir()
    found = checkpoints.newest(tmp_path)
    assert found.step == 1
    assert found.damaged == ("step-000100", "step-000099")


def test_numbers_that_are_not_finite_are_refused(tmp_path):
    write(tmp_path, 1)
    for bad in (torch.nan, torch.inf, -torch.inf):
        with pytest.raises(WorkbenchError, match="not finite"):
            checkpoints.write(tmp_path, 2, {"weight": torch.tensor([1.0, bad])}, {})
    assert steps(tmp_path) == [1]


@pytest.mark.parametrize("function", ["mkdir", "rename", "write_text"])
def test_an_error_of_the_disk_keeps_the_older_one(tmp_path, monkeypatch, function):
    write(tmp_path, 1)
    plain = getattr(checkpoints.Path, function)

    def broken(self, *args, **kwargs):
        if ".tmp-" in str(self):
            raise OSError(28, "No space left on device")
        return plain(self, *args, **kwargs)

    monkeypatch.setattr(checkpoints.Path, function, broken)
    with pytest.raises(WorkbenchError, match="No space left on device"):
        write(tmp_path, 2)
    monkeypatch.undo()
    assert os.listdir(tmp_path / "checkpoints") == ["step-000001"]
    assert checkpoints.newest(tmp_path).step == 1
    write(tmp_path, 2)
    assert checkpoints.newest(tmp_path).step == 2


def test_a_full_disk_keeps_the_older_one_and_leaves_room_for_judgements(small_disk):
    state = {"weight": torch.zeros(100_000)}
    checkpoints.write(small_disk, 1, state, {})
    checkpoints.write(small_disk, 2, state, {})
    with pytest.raises(WorkbenchError, match=r"needs 1\.4 MB and the disk has \d\.\d MB left") as caught:
        checkpoints.write(small_disk, 3, state, {})
    assert "Free some space" in caught.value.hint
    assert checkpoints.newest(small_disk).step == 2
    (small_disk / "ballast").touch()  # there is still room for something small


def test_a_disk_that_fills_while_it_is_written_keeps_the_older_one(small_disk, monkeypatch):
    write(small_disk, 1)
    monkeypatch.setattr(checkpoints, "_check_room", lambda folder, size: None)
    with pytest.raises(WorkbenchError, match="No space left on device"):
        checkpoints.write(small_disk, 2, {"weight": torch.zeros(1_000_000)}, {})
    assert os.listdir(small_disk / "checkpoints") == ["step-000001"]
    assert checkpoints.newest(small_disk).step == 1


# A process that has torch in memory already and forks a writer for each line it reads.
FORKS = """
import os, pathlib, sys
import torch
from workbench.lm import checkpoints
torch.set_num_threads(1)
folder = pathlib.Path(sys.argv[1])
for line in sys.stdin:
    ready, told = os.pipe()
    pid = os.fork()
    if not pid:
        checkpoints.sweep(folder)
        found = checkpoints.newest(folder)
        step = found.step if found else 0
        while True:
            step += 1
            for value in (-step, step):  # each step twice: the second replaces the first
                tensors = {"weight": torch.full((4000,), float(value))}
                checkpoints.write(folder, step, tensors, {"value": value})
                os.write(1, f"{step} {value}\\n".encode())
    os.close(ready), os.close(told)
    os.write(1, f"pid {pid}\\n".encode())
    os.waitpid(pid, 0)
    os.write(1, b"dead\\n")
"""


@pytest.fixture(params=KILLS)
def place(request, tmp_path):
    """Where the kills happen: the folder, how many, and the longest wait before one."""
    if request.param == "disk" or not os.path.isdir("/dev/shm"):
        yield tmp_path, KILLS[request.param], 0.04
    else:
        folder = Path(tempfile.mkdtemp(dir="/dev/shm"))
        yield folder, KILLS[request.param], 0.004
        shutil.rmtree(folder)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_kill_9_leaves_the_newest_or_the_one_before(place):
    """What was acknowledged is the newest; if the kill fell into the next one, that may be there, whole, instead."""
    draw = random.Random(11)
    folder, kills, longest = place
    acked = 0
    seen: set[str] = set()
    parent = subprocess.Popen(
        [sys.executable, "-c", FORKS, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    for _ in range(kills):
        parent.stdin.write("\n")
        parent.stdin.flush()
        pid = None
        lines = 0
        wanted = draw.randint(1, 2)
        while pid is None or lines < wanted:
            word, value = parent.stdout.readline().split()
            pid, acked, lines = (int(value), acked, lines) if word == "pid" else (pid, int(word), lines + 1)
        time.sleep(draw.uniform(0, longest))
        os.kill(pid, 9)
        while (line := parent.stdout.readline().split()) != ["dead"]:
            acked = int(line[0])
        seen |= {name.split("-")[0] for name in os.listdir(folder / "checkpoints")}
        found = checkpoints.newest(folder)
        assert found is not None
        assert acked - 1 <= found.step <= acked + 1
        value = found.state()["value"]
        assert abs(value) == found.step
        assert torch.equal(found.tensors()["weight"], torch.full((4000,), float(value)))
    parent.stdin.close()
    parent.wait()
    parent.stdout.close()
    assert ".tmp" in seen  # the kills did fall into writes
