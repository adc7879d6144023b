"""The Hugging Face Hub, or a mirror of it: where it is, one request, and what a refusal means in a sentence.

Requests go through huggingface_hub's own session, so the usual variables for proxies and certificates count.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from .. import __version__, settings
from ..errors import WorkbenchError

log = logging.getLogger(__name__)

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
USUAL = "https://huggingface.co"
PATIENCE = 20.0
"""Seconds without a word from the hub after which it counts as gone."""
LOCAL_HINT = "Check the network; what was downloaded is kept. A local folder or .gguf file works without it."
SIGN_IN = "hf auth login"


class HubProblem(WorkbenchError):
    """A refusal. `passing`: it may be gone in a moment; `wait`: seconds that the hub asks for, 0 for none."""

    def __init__(self, text: str, hint: str, passing: bool = False, wait: float = 0.0) -> None:
        super().__init__(text, hint)
        self.passing, self.wait = passing, wait


@dataclass(frozen=True)
class Endpoint:
    """An address without a slash at its end. told_by: "setting", "variable" (HF_ENDPOINT) or "usual"."""

    url: str
    told_by: str

    @property
    def is_hub(self) -> bool:
        """Whether this is the hub itself and no mirror."""
        return self.url == USUAL

    @property
    def name(self) -> str:
        """What people call it."""
        return "the hub" if self.is_hub else f"the mirror {self.url}"

    @property
    def is_private(self) -> bool:
        """Whether nobody on the way can read what is sent: only then is a token sent."""
        parts = urlsplit(self.url)
        return parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")


def bytes_text(amount: float) -> str:
    """Bytes as kB, MB or GB."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if amount >= 0.9 * size:
            return f"{amount / size:.3g} {unit}"
    return f"{amount / 1e3:.3g} kB"


def endpoint() -> Endpoint:
    """Where the hub is: the setting, else HF_ENDPOINT, else huggingface.co."""
    setting, variable = settings.load().hub_endpoint.strip(), os.environ.get("HF_ENDPOINT", "").strip()
    if setting:
        return Endpoint(checked_address(setting), "setting")
    if variable:
        return Endpoint(checked_address(variable), "variable")
    return Endpoint(USUAL, "usual")


def checked_address(text: str) -> str:
    """An address in the form that Endpoint has. Raises WorkbenchError for what is none."""
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        whole = False
    if not whole:
        raise WorkbenchError(f"{text} is no address of a hub.", f"Write it like {USUAL}, in Settings or HF_ENDPOINT.")
    return text.rstrip("/")


def ask(path: str, params: Mapping[str, Any] | None = None, about: str = "") -> Any:
    """What the hub answers to a question in JSON. Raises HubProblem; `about` is the model that is asked for."""
    at = endpoint()
    with telling(at):
        response = _session().get(at.url + path, params=params, headers=headers(at), timeout=PATIENCE)
    refuse(response.status_code, response.headers, about, at)
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        raise HubProblem(f"{at.url} does not answer as the hub does.", "Check its address in Settings.") from error


@contextmanager
def reading(url: str, at: Endpoint, begin: int, about: str) -> Iterator[Any]:
    """The response for a file's bytes from `begin` on; its body is read while this is open."""
    asked = headers(at) | {"Accept-Encoding": "identity"} | ({"Range": f"bytes={begin}-"} if begin else {})
    with telling(at), _session().stream("GET", url, headers=asked, timeout=PATIENCE) as response:
        if response.status_code != 416 or not begin:  # 416: there is nothing from that byte on
            refuse(response.status_code, response.headers, about, at)
        yield response


def file_url(at: Endpoint, hub_id: str, commit: str, path: str) -> str:
    """The address of a file of one commit."""
    return f"{at.url}/{quote(hub_id)}/resolve/{quote(commit, safe='')}/{quote(path)}"


def headers(at: Endpoint) -> dict[str, str]:
    """Who asks, and the person's own token where there is one and nobody else can read it."""
    token = _token() if at.is_private else None
    return {"User-Agent": f"feedback-workbench/{__version__}"} | ({"Authorization": f"Bearer {token}"} if token else {})


def _token() -> str | None:
    from huggingface_hub import constants, get_token

    return None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()


def _session() -> Any:
    from huggingface_hub.utils import get_session  # shared, and safe to use from several threads

    return get_session()


@contextmanager
def telling(at: Endpoint) -> Iterator[None]:
    """Whatever breaks on the way to the hub becomes one sentence."""
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    faults: Any = HfHubHTTPError.__bases__[0]  # the HTTP library's own: httpx with huggingface_hub 1, httpx2 with 2
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise HubProblem(
            "Asking the hub is switched off here (HF_HUB_OFFLINE).", "Unset that variable to use it."
        ) from error
    except WorkbenchError:
        raise
    except faults as error:
        log.info("the hub was not reached", exc_info=True)
        raise HubProblem(_sentence(at.name) + " cannot be reached.", LOCAL_HINT, passing=True) from error


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def refuse(status: int, said: Mapping[str, str], about: str, at: Endpoint) -> None:
    """Raises HubProblem unless the answer is a good one."""
    if status < 400:
        return
    code, message = said.get("X-Error-Code", ""), said.get("X-Error-Message", "")
    log.info("%s answered %s %s %s about %s", at.url, status, code, message, about)
    signed_in = "Authorization" in headers(at)
    model = about or "this"
    if code == "GatedRepo" or (status in (401, 403) and "gated" in message.lower()):
        raise _gated(model, at, signed_in)
    if status == 401 and "credential" in message.lower():
        raise HubProblem("The hub does not accept the token that is stored here.", f"Sign in again: {SIGN_IN}.")
    if code == "RevisionNotFound":
        raise HubProblem(f"{model} has no such revision on {at.name}.", "Check it, or begin anew without one.")
    if code == "EntryNotFound":
        raise HubProblem(f"A file of {model} is gone from {at.name}.", "Discard the download and begin it anew.")
    if status in (401, 404):
        hint = "Check the name." if signed_in else f"Check the name. If it is private, sign in: {SIGN_IN}."
        raise HubProblem(f"{_sentence(at.name)} has no public model called {model}.", hint)
    if status == 403:
        raise HubProblem(f"{_sentence(at.name)} does not let you read {model}.", "Ask its owner for access.")
    if status == 429:
        raise _busy(said, at)
    if status >= 500 or status == 408:
        text = f"{_sentence(at.name)} has a fault of its own ({status})."
        raise HubProblem(text, "Try again later; what was downloaded is kept.", passing=True)
    raise HubProblem(f"{_sentence(at.name)} refuses this ({status}).", "Try again later, or check the address.")


def _gated(model: str, at: Endpoint, signed_in: bool) -> HubProblem:
    if signed_in:
        text = f"{model} is gated, and your account has not been given access."
        return HubProblem(text, f"Ask for it on {at.url}/{model}, then try again.")
    text = f"{model} is gated: its makers ask you to accept their terms first."
    return HubProblem(text, f"Accept them on {at.url}/{model} and sign in: {SIGN_IN}.")


def _busy(said: Mapping[str, str], at: Endpoint) -> HubProblem:
    wait = said.get("Retry-After", "").strip()
    seconds = int(wait) if wait.isdigit() else 0
    when = f"in {seconds} s" if seconds else "in some minutes"
    text = f"{_sentence(at.name)} asks to wait: too many requests came from here."
    return HubProblem(text, f"Try again {when}; signing in ({SIGN_IN}) allows more.", passing=True, wait=seconds)
