"""What a request says to a server, and what each server was found not to take."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from .addresses import OFFICIAL, host_of
from .replies import Server

log = logging.getLogger(__name__)

EXTRAS = {"top_k": ("top_k",), "min_p": ("min_p",), "repetition_penalty": ("repetition_penalty", "repeat_penalty")}
"""What the API of OpenAI has no word for, by the words of others: vLLM's, and then that of llama.cpp and LM Studio."""
OFF = {"top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0, "top_p": 1.0}
"""Where a setting changes nothing, so that leaving it out changes nothing either."""
GENERAL = (
    *("unrecognized", "unknown", "unexpected", "extra", "not permitted", "unsupported", "additional propert"),
    *("not support", "not allowed", "no such"),
)
"""Words of servers that refuse what they do not know."""
_WORDS = ("seed", "temperature", "top_p", "stream_options", "max_tokens")

_refused: dict[tuple[str, str], frozenset[str]] = {}
"""By address and model: names of settings that this process will not send there again."""


def refusals(server: Server) -> frozenset[str]:
    """What a server was found not to take."""
    known = _refused.get((server.url, server.model), frozenset())
    takes_extras = server.extras and host_of(server.url) != OFFICIAL
    return known if takes_extras else known | set(EXTRAS)


def request(server: Server, sampler: Mapping[str, Any], seed: int | None, without: frozenset[str]) -> dict[str, Any]:
    """The settings of a request, as the openai library takes them."""
    limit = "max_completion_tokens" if "max_tokens" in without else "max_tokens"
    body: dict[str, Any] = {
        "temperature": sampler.get("temperature"),
        "top_p": sampler.get("top_p") if sampler.get("top_p") != OFF["top_p"] else None,
        limit: sampler.get("max_new_tokens"),
        "seed": seed,
        "stream_options": {"include_usage": True},
    }
    body = {name: value for name, value in body.items() if value is not None and name not in without}
    extra = {
        word: sampler[name]
        for name, words in EXTRAS.items()
        if name not in without and sampler.get(name) is not None
        for word in words
    }
    return body | ({"extra_body": extra} if extra else {})


def left_out(server: Server, sampler: Mapping[str, Any], seed: int | None, without: frozenset[str]) -> tuple[str, ...]:
    """Settings that were asked for, change something, and are not sent."""
    asked = {name: sampler.get(name) for name in ("temperature", "top_p", *EXTRAS)} | {"seed": seed}
    return tuple(
        name for name, value in asked.items() if name in without and value is not None and value != OFF.get(name)
    )


def learn(server: Server, body: Mapping[str, Any], said: str) -> bool:
    """Remember what a server has just refused; False when that was nothing that can be left out."""
    said, extra = said.lower(), body.get("extra_body", {})
    if not any(word in said for word in GENERAL):
        return False  # a value that it will not have: leaving it out would hide that
    named = {name for name in _WORDS if name in body and name in said}
    named |= {name for name, words in EXTRAS.items() if any(word in extra and word in said for word in words)}
    if not named and extra:
        named = set(EXTRAS)
    if not named:
        return False
    log.info("%s does not take %s", server.url, ", ".join(sorted(named)))
    key = (server.url, server.model)
    _refused[key] = _refused.get(key, frozenset()) | named
    return True
