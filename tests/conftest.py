"""Tiny models that many tests share."""

from __future__ import annotations

import gc
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests import tiny
from workbench.lm.devices import Compute
from workbench.lm.loading import Loaded, load
from workbench.lm.refs import ModelRef

FP32 = Compute(torch.device("cpu"), torch.float32, "CPU", 0)


@pytest.fixture(autouse=True)
def collected(request):
    """Tests of the window leave Python's own collecting off (see workbench.ui.collecting); others want it."""
    if not gc.isenabled() and "tests/ui" not in request.path.as_posix():
        gc.collect()
        gc.enable()


@pytest.fixture(scope="session")
def llama_folder(tmp_path_factory) -> Path:
    return tiny.llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="session")
def gpt2_folder(tmp_path_factory) -> Path:
    return tiny.gpt2(tmp_path_factory.mktemp("gpt2"))


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory) -> Path:
    return tiny.bert(tmp_path_factory.mktemp("bert"))


@pytest.fixture
def llama(llama_folder) -> Loaded:
    return load(ModelRef(str(llama_folder)), FP32)


@pytest.fixture
def gpt2(gpt2_folder) -> Loaded:
    return load(ModelRef(str(gpt2_folder)), FP32)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB, where this machine allows to mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if os.name == "nt" or os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not allow to mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)
