"""Rows of prompts and responses."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import WorkbenchError
from ..feedback.base import Message
from .records import Prompt, Response
from .rows import id_of, new_id, now, to_json, well_formed

if TYPE_CHECKING:
    from .store import Store

HELD_OUT_SHARE = 0.2
"""Share of prompts kept away from training, chosen by the hash of what they begin with so that it never changes."""

MAX_TEXT = 10_000_000


def prompt_hash(system: str, turns: Sequence[Message]) -> str:
    """sha256 of the conversation: the same prompt is the same row wherever it comes from."""
    text = json.dumps([system, [[turn["role"], turn["content"]] for turn in turns]], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def checked_prompt(system: str, turns: Sequence[Message]) -> tuple[str, tuple[Message, ...], str]:
    """System text and turns as they can be stored, and their hash. Raises WorkbenchError when there is no prompt."""
    turns = tuple({"role": turn["role"], "content": checked_text(turn["content"], "The prompt")} for turn in turns)
    if not turns or not turns[-1]["content"].strip():
        raise WorkbenchError("The prompt is empty.", "Type one.")
    system = checked_text(system, "The system prompt")
    return system, turns, prompt_hash(system, turns)


def split_of(digest: str, share: float = HELD_OUT_SHARE) -> str:
    """ "held_out" for `share` of all hashes, else "train"."""
    return "held_out" if int(digest[:8], 16) / 0x1_0000_0000 < share else "train"


def split_of_turns(system: str, turns: Sequence[Message]) -> str:
    """The split of a prompt, by its first turn: all turns of a conversation are on one side, and none that is trained
    on holds the words of one that is measured with."""
    return split_of(prompt_hash(system, turns[:1]))


def checked_text(text: Any, what: str) -> str:
    """The text as it can be stored. Raises WorkbenchError when it is not text or longer than 10 million characters."""
    if not isinstance(text, str):
        raise WorkbenchError(f"{what} is {_article(text)}, not text.", "Correct that row and import again.")
    if len(text) > MAX_TEXT:
        raise WorkbenchError(f"{what} is longer than 10 million characters.", "Shorten it.")
    return well_formed(text)


def _article(value: Any) -> str:
    names = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return "missing" if value is None else names.get(type(value), f"a {type(value).__name__}")


class PromptRows:
    """Prompts, each once, split by hash into train and held-out."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self,
        text: str | None = None,
        *,
        system: str = "",
        turns: Sequence[Message] | None = None,
        tags: Iterable[str] = (),
        source: str = "",
        by: object = None,
    ) -> tuple[Prompt, bool]:
        """Add a prompt (one user `text`, or whole `turns`) and return it with True when it is new.

        A known prompt is returned as it is. Raises WorkbenchError for an empty prompt.
        """
        if turns is None:
            turns = ({"role": "user", "content": checked_text(text, "The prompt")},)
        system, turns, digest = checked_prompt(system, turns)
        known = self._store.rows("SELECT * FROM prompts WHERE hash = ?", [digest])
        if known:
            return _prompt(known[0]), False
        prompt = Prompt(id_of(digest), digest, system, turns, tuple(tags), split_of_turns(system, turns), source, now())
        row = dataclasses.asdict(prompt) | {"turns": to_json(list(turns)), "tags": to_json(list(prompt.tags))}
        with self._store.writing() as db:
            db["prompts"].insert(row)  # type: ignore[union-attr]
        self._store.changed("prompts", by)
        return prompt, True

    def list(self, *, split: str | None = None, tag: str | None = None, limit: int = -1) -> list[Prompt]:
        """Prompts in the order they were added."""
        sql = "SELECT * FROM prompts WHERE (:split IS NULL OR split = :split) "
        sql += "AND (:tag IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = :tag)) "
        sql += "ORDER BY rowid LIMIT :limit"
        return [_prompt(row) for row in self._store.rows(sql, {"split": split, "tag": tag, "limit": limit})]

    def find(self, prompt_id: str) -> Prompt:
        """The prompt with this id. Raises WorkbenchError when there is none."""
        rows = self._store.rows("SELECT * FROM prompts WHERE id = ?", [prompt_id])
        if not rows:
            raise WorkbenchError("This prompt is not in the project.", "Choose another.")
        return _prompt(rows[0])

    def of(self, prompt_ids: Iterable[str]) -> list[Prompt]:
        """The prompts with these ids."""
        sql = "SELECT * FROM prompts WHERE id IN (SELECT value FROM json_each(?))"
        return [_prompt(row) for row in self._store.rows(sql, [to_json(sorted(prompt_ids))])]

    def by_hash(self, digest: str) -> Prompt | None:
        """The prompt with this hash, if the project has it."""
        rows = self._store.rows("SELECT * FROM prompts WHERE hash = ?", [digest])
        return _prompt(rows[0]) if rows else None

    def tags(self) -> dict[str, int]:
        """Every tag with the number of prompts that carry it."""
        sql = "SELECT value AS tag, COUNT(*) AS n FROM prompts, json_each(prompts.tags) GROUP BY value ORDER BY n DESC"
        return {row["tag"]: row["n"] for row in self._store.rows(sql)}

    def count(self, split: str | None = None) -> int:
        """How many prompts there are."""
        return self._store.value("SELECT COUNT(*) FROM prompts WHERE ?1 IS NULL OR split = ?1", [split])


class ResponseRows:
    """Answers, each with what made it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, prompt_id: str, text: str, *, by: object = None, **fields: Any) -> Response:
        """Add an answer (an empty one is an answer too). One with a known import_key is returned as it is."""
        key = fields.get("import_key")
        if key:
            known = self._store.rows("SELECT * FROM responses WHERE import_key = ?", [key])
            if known:
                return response_of(known[0])
        id_ = id_of(key) if key else new_id()
        response = Response(id_, prompt_id, checked_text(text, "The answer"), created_at=now(), **fields)
        row = dataclasses.asdict(response) | {
            "sampler": to_json(dict(response.sampler)),
            "scores": to_json(dict(response.scores)),
            "queued": int(response.queued),
        }
        with self._store.writing() as db:
            db["responses"].insert(row)  # type: ignore[union-attr]
        self._store.changed("responses", by)
        return response

    def find(self, response_id: str) -> Response:
        """The answer with this id. Raises WorkbenchError when there is none."""
        rows = self._store.rows("SELECT * FROM responses WHERE id = ?", [response_id])
        if not rows:
            raise WorkbenchError("This answer is not in the project.", "Choose another.")
        return response_of(rows[0])

    def of_prompt(self, prompt_id: str) -> list[Response]:
        """All answers to a prompt, oldest first."""
        sql = "SELECT * FROM responses WHERE prompt_id = ? ORDER BY rowid"
        return [response_of(row) for row in self._store.rows(sql, [prompt_id])]

    def of_run(self, run_id: str) -> list[Response]:
        """All answers that a run (a generation, an evaluation) made, oldest first."""
        sql = "SELECT * FROM responses WHERE run_id = ? ORDER BY rowid"
        return [response_of(row) for row in self._store.rows(sql, [run_id])]

    def queue(self, response_ids: Iterable[str], queued: bool = True, by: object = None) -> None:
        """Put answers into the feedback queue, or take them out."""
        with self._store.writing() as db:
            db.conn.executemany(
                "UPDATE responses SET queued = ? WHERE id = ?", [(int(queued), id_) for id_ in response_ids]
            )
        self._store.changed("responses", by)

    def count(self) -> int:
        """How many answers there are."""
        return self._store.value("SELECT COUNT(*) FROM responses")


def _prompt(row: dict[str, Any]) -> Prompt:
    lists: dict[str, Any] = {key: tuple(json.loads(row[key])) for key in ("turns", "tags")}
    return Prompt(**row | lists)


def response_of(row: dict[str, Any]) -> Response:
    return Response(
        **row
        | {"sampler": json.loads(row["sampler"]), "scores": json.loads(row["scores"]), "queued": bool(row["queued"])}
    )
