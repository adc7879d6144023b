"""Search the hub for models by words, task, licence and size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..errors import WorkbenchError
from . import hub
from .hub_repository import Repository, facts_of, look

SORTS = {"downloads": "downloads", "likes": "likes", "newest": "lastModified"}
TASKS = ("text-generation", "text-classification", "text-ranking", "")
LICENCES = ("", "apache-2.0", "mit", "llama3.2", "gemma", "cc-by-4.0", "other")
MOST = 50
_EXPAND = ["safetensors", "gguf", "downloads", "likes", "gated", "tags", "lastModified", "pipeline_tag"]
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(b?)", re.IGNORECASE)


@dataclass(frozen=True)
class Query:
    """What is looked for; 0 and "" ask for nothing. `most_parameters` and `most_bytes` are the largest allowed."""

    words: str = ""
    task: str = "text-generation"
    licence: str = ""
    most_parameters: int = 0
    most_bytes: int = 0
    sort: str = "downloads"
    limit: int = 30


@dataclass(frozen=True)
class Found:
    """One result. `size`: bytes to fetch, from the weights alone until the model was looked at (`exact`)."""

    id: str
    parameters: int = 0
    size: int = 0
    licence: str = ""
    downloads: int = 0
    likes: int = 0
    gated: bool = False
    updated: str = ""
    gguf: bool = False
    exact: bool = False
    trouble: str = ""
    ggufs: tuple[str, ...] = ()
    """GGUF files to choose one from, the smallest first."""

    def within(self, query: Query) -> bool:
        """Whether it is as small as was asked; what is not known counts as small enough."""
        fits = not query.most_parameters or self.parameters <= query.most_parameters
        return fits and (not query.most_bytes or self.size <= query.most_bytes)


def largest(text: str) -> tuple[int, int]:
    """The largest size as a person writes it: "7B" and "500M" are parameters, "4GB" are bytes. (parameters, bytes).

    Raises WorkbenchError for what is none of these.
    """
    match = _SIZE.fullmatch(text.strip())
    if not match:
        raise WorkbenchError(f"{text} is no size.", "Write parameters like 7B or 500M, or bytes like 4GB.")
    unit, counts_bytes = match[2].lower(), match[2].lower() == "g" or bool(match[2] and match[3])
    scale = {"": 1e9 if match[3] else 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}[unit]
    amount = round(float(match[1]) * scale)
    return (0, amount) if counts_bytes else (amount, 0)


def search(query: Query) -> list[Found]:
    """What the hub finds, in its order. Raises WorkbenchError when it cannot be asked."""
    answer = hub.ask("/api/models", _params(query))
    if not isinstance(answer, list):
        raise WorkbenchError("The hub's answer is no list of models.", "Try again later.")
    found = [_found(each) for each in answer if isinstance(each, dict) and hub.HUB_ID.fullmatch(str(each.get("id")))]
    return [each for each in found if each.within(query)][: query.limit]


def _params(query: Query) -> dict[str, Any]:
    params: dict[str, Any] = {
        "search": query.words.strip(),
        "sort": SORTS.get(query.sort, query.sort),
        "direction": "-1",
        "limit": min(MOST, query.limit),
        "expand": _EXPAND,
    }
    if query.task:
        params["pipeline_tag"] = query.task
    if query.licence:
        params["filter"] = f"license:{query.licence}"
    if query.most_parameters:
        params["num_parameters"] = f"max:{query.most_parameters}"
    return params


def _found(said: dict[str, Any]) -> Found:
    facts = facts_of(said)
    size = facts.pop("weights")
    return Found(id=str(said["id"]), size=size, **facts)


def looked_at(found: Found) -> tuple[Found, Repository | None]:
    """The same with exact sizes; one that cannot be used says why. Raises HubProblem when the hub cannot be asked."""
    try:
        repository = look(found.id)
    except hub.HubProblem as problem:
        if problem.passing:
            raise
        return replace(found, trouble=problem.text, exact=True), None
    except WorkbenchError as error:
        return replace(found, trouble=error.text, exact=True), None
    return of_repository(repository), repository


def of_repository(repository: Repository) -> Found:
    """A model that was asked for by its name."""
    return Found(
        id=repository.id,
        parameters=repository.parameters,
        size=repository.size,
        licence=repository.licence,
        downloads=repository.downloads,
        likes=repository.likes,
        gated=repository.gated,
        updated=repository.updated,
        gguf=bool(repository.ggufs) and not repository.files,
        exact=True,
        trouble=repository.trouble,
        ggufs=tuple(file.path for file in repository.ggufs),
    )


def looking_at(found: list[Found]) -> Iterator[tuple[int, Found]]:
    """Look at one after another: (place, the same with exact sizes)."""
    for place, each in enumerate(found):
        yield place, looked_at(each)[0]
