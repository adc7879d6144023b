"""Addresses of servers."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from ..errors import WorkbenchError

OFFICIAL = "api.openai.com"


def host_of(url: str) -> str:
    """The host of an address, which a key is kept under."""
    return urlsplit(url).hostname or ""


def checked_url(url: str) -> str:
    """A server's address as it is kept, without a slash at its end. Raises WorkbenchError for what is none, and for one
    with a name or a key in it."""
    parts = urlsplit(url.strip())
    try:
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        fits = False
    if not fits:
        raise WorkbenchError(f"{url!r} is not the address of a server.", "Write one as http://localhost:8080/v1.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise WorkbenchError(
            "A server's address must hold no name and no key: it is stored with the project.",
            "Give the key apart; it goes into the system's keyring.",
        )
    return url.strip().rstrip("/")


def is_local(url: str) -> bool:
    """Whether an address is one of this computer."""
    host = host_of(url)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
