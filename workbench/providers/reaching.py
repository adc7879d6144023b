"""Whether a server is there, and which models it has: without the openai library, so that a window may ask."""

from __future__ import annotations

import json
import logging
import time
import urllib.request
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError

from .addresses import checked_url, is_local
from .keys import NONE, hidden, key_of
from .replies import Server, ServerError, refused, unreachable, unreadable

log = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds for a server to say something."""
LARGEST = 8_000_000
"""Bytes of a list of models that are read."""


def models_of(url: str, key: str = "") -> list[str]:
    """What the server calls its models, in its own order. key: one that is not in the keyring yet.

    Raises ServerError when it cannot be reached, refuses, or says something else.
    """
    server = Server(url, "")
    content = _asked(server, key)
    try:
        return [str(each["id"]) for each in json.loads(content)["data"] or ()]
    except (ValueError, KeyError, TypeError) as error:
        raise unreadable(server) from error


def check(server: Server, key: str = "") -> float:
    """Milliseconds until the server has said something. Raises ServerError when it does not, or refuses the key."""
    key = key or key_of(server.url)  # a keyring has its own time
    begun = time.perf_counter()
    _asked(server, key)
    return (time.perf_counter() - begun) * 1000


def _asked(server: Server, key: str) -> bytes:
    request = urllib.request.Request(f"{checked_url(server.url)}/models")  # a merged project's may be of anything
    key = key or key_of(server.url)
    if key != NONE:
        request.add_unredirected_header("Authorization", f"Bearer {key}")  # another host must not get it
    try:
        with _opener(server).open(request, timeout=PATIENCE) as answer:
            return answer.read(LARGEST)
    except HTTPError as error:
        with error:
            said = hidden(_said(error), key)
        raise _of_status(server, error.code, said) from None
    except (OSError, HTTPException, ValueError) as error:
        log.info("%s cannot be reached: %s", server.url, error)
        raise unreachable(server) from error


def _opener(server: Server) -> urllib.request.OpenerDirector:
    # A proxy of the environment does not know this computer.
    return urllib.request.build_opener(*([urllib.request.ProxyHandler({})] if is_local(server.url) else []))


def _of_status(server: Server, status: int, said: str) -> ServerError:
    if status == 404:
        return ServerError(
            f"The server at {server.url} has no list of models.", "Look whether the address ends as in /v1."
        )
    return refused(server, status, said)


def _said(error: HTTPError) -> str:
    try:
        body: Any = json.loads(error.read(10_000))
        found = body["error"]
        return " ".join(str(found["message"] if isinstance(found, dict) else found).split())[:200]
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return ""
