"""Fixtures that give this process, and those it starts, a keyring of a test."""

from __future__ import annotations

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring

from tests.providers.file_keyring import Kept
from workbench.providers import keys


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The keyring's file. Children find the same keyring."""
    before, file = keyring.get_keyring(), tmp_path / "keyring.json"
    for name in (keys.KEY, "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.providers.file_keyring.Kept")
    monkeypatch.setenv("WORKBENCH_TEST_KEYRING", str(file))
    keyring.set_keyring(Kept())
    yield file
    keyring.set_keyring(before)


@pytest.fixture
def no_keyring(monkeypatch):
    """A computer without a keyring."""
    for name in (keys.KEY, "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    yield
    keyring.set_keyring(before)
