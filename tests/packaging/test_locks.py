"""The locks answer what pyproject.toml asks, with a hash for every file, and keep torch out of the window."""

from __future__ import annotations

import re

import lock
import pytest
from installers.systems import LOCKS, OF_TARGET
from packaging.requirements import Requirement

WRITTEN = [one for one in lock.ALL if (LOCKS / one.path).is_file()]
HEAVY = {"torch", "transformers", "trl", "datasets", "pyarrow", "pandas", "peft", "accelerate"}


def locked(path: str) -> dict[str, str]:
    """Every package of a lock, and its version."""
    return dict(re.findall(r"^([a-z0-9][a-z0-9.-]*)==(\S+)", (LOCKS / path).read_text(), re.MULTILINE))


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("trl>=1.16", "trl"),
        ("PySide6-Essentials>=6.10,<6.12; python_version < '3.12'", "pyside6-essentials"),
        ("jaraco.x[y]>=2", "jaraco.x"),
        ("nltk", "nltk"),
    ],
)
def test_the_name_of_a_requirement(line, name):
    assert lock.named(line) == name


def test_the_locks_that_need_no_other_index_are_there():
    wanted = {one.path for one in lock.ALL if not one.index} | {"linux/cpu.txt"}
    assert wanted <= {one.path for one in WRITTEN}


@pytest.mark.parametrize("one", WRITTEN, ids=lambda one: one.path)
def test_every_package_has_a_hash(one):
    blocks = re.split(r"^(?=[a-z0-9])", (LOCKS / one.path).read_text(), flags=re.MULTILINE)[1:]
    assert len(blocks) > 20
    assert not [block.split()[0] for block in blocks if "--hash=sha256:" not in block]


@pytest.mark.parametrize("one", WRITTEN, ids=lambda one: one.path)
def test_a_lock_answers_what_is_asked_today(one):
    found = locked(one.path)
    for line in lock.requirements(one):
        asked = Requirement(line)
        if asked.marker is None or asked.marker.evaluate({"python_version": lock.PYTHON}):
            assert asked.specifier.contains(found[lock.named(line)]), line


@pytest.mark.parametrize("system", sorted({one.name for one in OF_TARGET.values()}))
def test_the_window_has_no_engine(system):
    assert not HEAVY & set(locked(f"{system}/app.txt"))


@pytest.mark.parametrize("one", [one for one in WRITTEN if one.torch], ids=lambda one: one.path)
def test_engines_agree_with_the_window(one):
    window, engine = locked(f"{one.path.split('/')[0]}/app.txt"), locked(one.path)
    differing = {name for name in window.keys() & engine.keys() if window[name] != engine[name]}
    assert not differing
    assert engine["torch"].startswith(lock.TORCH)
