"""Keys of servers. One that is typed into the app goes into the system's keyring and nowhere else.

Whoever needs a key reads it inside its own process: no key is on a command line, in a job's specification, in a file,
or put into the environment of a child. A variable that a person has exported is their own choice, and is read where
the keyring has nothing; each goes to one host alone, but for the judge's.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from ..errors import WorkbenchError
from .addresses import OFFICIAL, host_of

log = logging.getLogger(__name__)

KEY = "WORKBENCH_JUDGE_KEY"
SERVICE = "feedback-workbench"
"""Where the keyring has the key, under the server's host: keyring set feedback-workbench HOST."""
NONE = "none"
"""What is sent where there is no key: a server on this computer wants none, the library does."""


def key_for(url: str) -> str:
    """The key for a judge's server: of its own variable, or else the server's."""
    return os.environ.get(KEY) or key_of(url)


def key_of(url: str) -> str:
    """The key for a server: of the keyring, or of a variable for this host; OpenAI's own goes to OpenAI alone."""
    host = host_of(url)
    if host == OFFICIAL and not url.startswith("https:"):
        return NONE  # a project of somebody else's may name such an address, and anybody on the way would read the key
    openai = os.environ.get("OPENAI_API_KEY") if host == OFFICIAL else ""
    return (_from_keyring(host) or os.environ.get(variable_for(url)) or openai or NONE).strip()


def hidden(text: str, key: str) -> str:
    """A server's words without the key, should it say it back."""
    return text if key in ("", NONE) else text.replace(key, "…")


def has_key(url: str) -> bool:
    """Whether there is a key for a server."""
    return key_of(url) != NONE


def variable_for(url: str) -> str:
    """The environment variable that may hold a server's key, where there is no keyring."""
    return "WORKBENCH_KEY_" + re.sub(r"\W", "_", host_of(url)).upper()


def keep(url: str, key: str) -> None:
    """Put a server's key into the keyring. Raises WorkbenchError when there is none, or it stays locked."""
    if not key.strip() or not key.strip().isascii() or not key.strip().isprintable() or " " in key.strip():
        raise WorkbenchError("This is no key of a server.", "Paste the key that the server's owner gave you.")
    with _keyring(url) as keyring:
        keyring.set_password(SERVICE, host_of(url), key.strip())


def forget(url: str) -> bool:
    """Take a server's key out of the keyring; False when there was none. Raises WorkbenchError as keep() does."""
    with _keyring(url) as keyring:
        if keyring.get_password(SERVICE, host_of(url)) is None:
            return False
        keyring.delete_password(SERVICE, host_of(url))
    return True


@contextmanager
def _keyring(url: str) -> Iterator[ModuleType]:
    hint = f"Set the environment variable {variable_for(url)} instead, before you start Workbench."
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError as error:
        hint = f"Install it: pip install 'feedback-workbench[servers]'. Or: {hint}"
        raise WorkbenchError("Keys are kept with the keyring library, which is not installed.", hint) from error
    try:
        yield keyring
    except KeyringError as error:
        log.info("the keyring refuses: %s", type(error).__name__)
        raise WorkbenchError("This computer has no keyring that could keep a key, or it stays locked.", hint) from error


def _from_keyring(host: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return ""
    try:
        return keyring.get_password(SERVICE, host) or ""
    except KeyringError as error:  # none on this machine, or it stays locked: the server says whether it wants a key
        log.info("no key from the keyring: %s", error)
        return ""
