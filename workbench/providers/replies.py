"""What a server says, and what its refusals mean: data and sentences only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import WorkbenchError


class Refers(Protocol):
    """What says where a model is: lm.refs.ModelRef."""

    @property
    def base(self) -> str: ...
    @property
    def served(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def extras(self) -> bool: ...


@dataclass(frozen=True)
class Server:
    """A model behind a server. url: as http://localhost:8080/v1. model: what the server calls it; name: what people do.

    extras: whether it may be sent settings that the API of OpenAI has no word for.
    """

    url: str
    model: str
    name: str = ""
    extras: bool = True

    @classmethod
    def of(cls, ref: Refers) -> Server:
        """The server that a reference of kind "server" points to."""
        return cls(ref.base, ref.served, ref.name or ref.served, ref.extras)


@dataclass(frozen=True)
class Reply:
    """A whole answer. finish_reason: "stop" or "length", as of local models, or the server's own word.

    counted: whether the server said how many tokens there were; the counts are 0 where it did not. left_out: settings
    that were asked for and that the server does not take.
    """

    text: str
    finish_reason: str
    prompt_tokens: int
    response_tokens: int
    seconds: float
    counted: bool = True
    left_out: tuple[str, ...] = ()


class ServerError(WorkbenchError):
    """A server did not answer as it should. `text_so_far`: what had come of the answer before that."""

    def __init__(self, text: str, hint: str = "", text_so_far: str = "") -> None:
        super().__init__(text, hint)
        self.text_so_far = text_so_far


class BrokenOff(ServerError):
    """An answer broke off in its middle; what had come is in `text_so_far`."""


def refused(server: Server, status: int, said: str) -> ServerError:
    """The sentence for an HTTP status; `said`: the server's own words."""
    where, words = f"The server at {server.url}", f" It says: {said}" if said else ""
    if status in (401, 403):
        return ServerError(f"{where} refused the key ({status}).{words}", "Set its key in Models, or in the keyring.")
    if status == 404:
        hint = "Look whether the address ends as in /v1, and the server knows the model by this name."
        return ServerError(f"{where} has no model called {server.model}, or nothing at this address.{words}", hint)
    if status == 429:
        return ServerError(f"{where} has had too many requests for now (429).{words}", "Wait a while and go on.")
    if status >= 500:
        return ServerError(f"{where} failed ({status}).{words}", "Look at the server's own log, and try again later.")
    return ServerError(f"{where} refused the request ({status}).{words}", "Correct what it says, and try again.")


def unreachable(server: Server) -> ServerError:
    """Nobody answers at the address."""
    return ServerError(
        f"The server at {server.url} could not be reached.", "Start it, or correct its address, and try again."
    )


def silent(server: Server) -> ServerError:
    """Somebody is there and says nothing."""
    return ServerError(
        f"The server at {server.url} took the request and did not answer in time.", "Look whether it is overloaded."
    )


def unreadable(server: Server, text: str = "") -> ServerError:
    """What came is no answer."""
    return ServerError(
        f"What the server at {server.url} sent cannot be read.",
        "Look whether the address is that of an OpenAI-compatible server, and ends as in /v1.",
        text,
    )


def broke_off(server: Server, text: str, said: str = "") -> BrokenOff:
    """An answer that has no end."""
    words = f" It says: {said}" if said else ""
    return BrokenOff(
        f"The server at {server.url} broke off in the middle of its answer.{words}",
        "What had come is kept. Try again, or look at the server's own log.",
        text,
    )


def said_of(body: Any, message: str) -> str:
    """What a server says about its refusal, without the rest of a page."""
    said = body.get("message") if isinstance(body, dict) else None
    return " ".join(str(said or message).split())[:200]


def cost(info: Any, prompt_tokens: int, response_tokens: int) -> float | None:
    """What an answer cost at the prices of a model's row, which are per million tokens; None where there are none."""
    priced = [(info.get("price_in"), prompt_tokens), (info.get("price_out"), response_tokens)]
    if all(price is None for price, _ in priced):
        return None
    return sum((price or 0.0) * tokens for price, tokens in priced) / 1e6
