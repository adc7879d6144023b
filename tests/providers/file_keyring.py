"""A keyring in a file, for tests: PYTHON_KEYRING_BACKEND=tests.providers.file_keyring.Kept, WORKBENCH_TEST_KEYRING."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class Kept(KeyringBackend):
    """Passwords as JSON in the file that the environment names."""

    priority = 1  # type: ignore[assignment]

    def _all(self) -> dict[str, str]:
        # Once it is imported, keyring may choose it where no test has a file for it.
        file = Path(os.environ.get("WORKBENCH_TEST_KEYRING", "/nowhere"))
        return json.loads(file.read_text()) if file.exists() else {}

    def _write(self, kept: dict[str, str]) -> None:
        Path(os.environ["WORKBENCH_TEST_KEYRING"]).write_text(json.dumps(kept))

    def get_password(self, service, username):
        return self._all().get(f"{service}/{username}")

    def set_password(self, service, username, password):
        self._write(self._all() | {f"{service}/{username}": password})

    def delete_password(self, service, username):
        kept = self._all()
        if f"{service}/{username}" not in kept:
            raise PasswordDeleteError("none")
        del kept[f"{service}/{username}"]
        self._write(kept)
