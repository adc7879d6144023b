"""Prompts made of templates: by hand or from a table, with examples before them, each knowing what it was made of."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import WorkbenchError
from ..feedback.base import Message
from .prompts import checked_prompt
from .records import Filling, Prompt
from .rows import now, to_json
from .task_templates import Template

if TYPE_CHECKING:
    from .store import Store

MOST_LISTED = 1000
"""Rows that were passed over and are listed with their reasons; all are counted."""
GOOD_STARS = 4
"""Mean rating from which an answer is an example."""


class FillingRows:
    """What prompts were made of."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def keep(
        self,
        prompt_id: str,
        template: str,
        variables: Mapping[str, str],
        given: Iterable[Mapping[str, Any]] = (),
        key: str = "",
    ) -> None:
        """Keep what a prompt was made of. What was kept before stays, except that a key is added to it."""
        with self._store.writing() as db:
            db.execute(
                """INSERT INTO fillings(prompt_id, template, variables, given, key, created_at)
                VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (prompt_id) DO UPDATE SET key = excluded.key
                WHERE excluded.key <> ''""",
                [prompt_id, template, to_json(dict(variables)), to_json([dict(each) for each in given]), key, now()],
            )

    def of(self, prompt_id: str) -> Filling | None:
        """What a prompt was made of; None when it was typed or imported."""
        rows = self._store.rows("SELECT * FROM fillings WHERE prompt_id = ?", [prompt_id])
        return _filling(rows[0]) if rows else None

    def of_template(self, template: str) -> list[Filling]:
        """The prompts of one template, in the order they were made: a set."""
        sql = "SELECT f.* FROM fillings f JOIN prompts p ON p.id = f.prompt_id WHERE template = ? ORDER BY p.rowid"
        return [_filling(row) for row in self._store.rows(sql, [template])]

    def by_key(self, keys: Iterable[str]) -> dict[str, str]:
        """The prompt that was made for each of these keys, the newest where there are several."""
        sql = """SELECT key, prompt_id FROM fillings WHERE key IN (SELECT value FROM json_each(?))
            ORDER BY created_at, prompt_id"""
        return {row["key"]: row["prompt_id"] for row in self._store.rows(sql, [json.dumps(sorted(set(keys)))])}

    def counts(self) -> dict[str, int]:
        """How many prompts were made of each template."""
        sql = "SELECT template, COUNT(*) AS n FROM fillings GROUP BY template"
        return {row["template"]: row["n"] for row in self._store.rows(sql)}


def _filling(row: Mapping[str, Any]) -> Filling:
    plain = dict(row) | {"variables": json.loads(row["variables"]), "given": tuple(json.loads(row["given"]))}
    return Filling(**plain)


# ---- one prompt ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Example:
    """A question with the answer that was found good."""

    prompt_id: str
    user: str
    answer: str


def fill(
    store: Store,
    template: Template,
    values: Mapping[str, str],
    *,
    examples: Sequence[Example] = (),
    given: Iterable[Mapping[str, Any]] = (),
    key: str = "",
    source: str = "task",
    by: object = None,
) -> tuple[Prompt, bool]:
    """Add the prompt that the values make of a template, and return it with True when it is new.

    Examples come before it as earlier turns. Raises WorkbenchError when a value is missing.
    """
    system, turns = asked(template, values, examples)
    with store.writing():
        prompt, new = store.prompts.add(system=system, turns=turns, tags=template.tags, source=source, by=by)
        store.fillings.keep(prompt.id, template.id, values, given, key)
    return prompt, new


def asked(
    template: Template, values: Mapping[str, str], examples: Sequence[Example] = ()
) -> tuple[str, tuple[Message, ...]]:
    """System text and turns of a filled template. An example that asks the same is left out."""
    system, user = template.filled(values)
    before = [
        {"role": role, "content": text}
        for each in examples
        if each.user != user
        for role, text in (("user", each.user), ("assistant", each.answer))
    ]
    return system, (*before, {"role": "user", "content": user})


# ---- a table -------------------------------------------------------------------------------------------------------


@dataclass
class FillReport:
    """What a table made of a template. skipped: rows as their file counts them, with the reason."""

    rows: int = 0
    added: int = 0
    already_there: int = 0
    refused: int = 0
    skipped: list[dict[str, Any]] = field(default_factory=list)
    prompt_ids: list[str] = field(default_factory=list)

    def refuse(self, row: int, reason: str) -> None:
        """Count a row that is passed over."""
        self.refused += 1
        if len(self.skipped) < MOST_LISTED:
            self.skipped.append({"row": row, "reason": reason})


@dataclass(frozen=True)
class TableRow:
    """A row of a table: the values that it has for a template, or why it has none."""

    number: int
    values: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


def table_rows(template: Template, path: Path) -> list[TableRow]:
    """Each row of a CSV, JSONL, JSON or Parquet file, one column a variable; other columns are passed over.

    Raises WorkbenchError when the file is damaged, or lacks a column.
    """
    from .exchange.reading import kind_of, rows

    path = path.expanduser()
    if kind_of(path) == "text":
        raise WorkbenchError(f"{path.name} has no columns.", "Choose a CSV, JSONL, JSON or Parquet file.")
    found = [_table_row(template, number, row) for number, row in rows(path)]
    if not found:
        raise WorkbenchError(f"{path.name} is empty.", "Choose another file.")
    seen = {name for row in found for name in row.values}
    needed = [each.name for each in template.typed() if not each.optional]
    if missing := [name for name in needed if name not in seen]:
        raise WorkbenchError(
            f"{path.name} has no column called {missing[0]}.", f"{template.title} needs {', '.join(needed)}."
        )
    return found


def _table_row(template: Template, number: int, row: Any) -> TableRow:
    if not isinstance(row, dict):
        return TableRow(number, problem="It is not an object with names and values.")
    cells = {str(name).strip().lower(): cell for name, cell in row.items()}
    values = {}
    for variable in template.typed():
        cell = cells.get(variable.name)
        if isinstance(cell, bool | list | dict):
            return TableRow(number, problem=f"{variable.name} is neither text nor a number.")
        if cell is not None:
            values[variable.name] = str(cell)
    empty = [each.name for each in template.typed() if not (each.optional or values.get(each.name, "").strip())]
    return TableRow(number, values, f"It has no {empty[0]}." if empty else "")


def fill_rows(
    store: Store,
    template: Template,
    rows: Sequence[TableRow],
    *,
    examples: Sequence[Example] = (),
    dry_run: bool = False,
    by: object = None,
) -> FillReport:
    """A prompt for each row, all in one transaction; rows that lack something are passed over and told.

    dry_run: only say what would be made. Raises WorkbenchError for a template whose values come from documents.
    """
    if len(template.typed()) < len(template.variables):
        raise WorkbenchError(f"{template.title} is filled from documents, question by question.", "Use ask.")
    report = FillReport(rows=len(rows))
    seen: set[str] = set()
    with store.writing():
        for row in rows:
            try:
                if row.problem:
                    raise WorkbenchError(row.problem)
                digest = checked_prompt(*asked(template, row.values, examples))[2]
            except WorkbenchError as error:
                report.refuse(row.number, error.text)
                continue
            if digest in seen or (known := store.prompts.by_hash(digest)) is not None:
                report.already_there += 1
                if digest not in seen and known is not None:
                    report.prompt_ids.append(known.id)
            elif dry_run:
                report.added += 1
            else:
                report.added += 1
                prompt, _ = fill(store, template, row.values, examples=examples, by=by)
                report.prompt_ids.append(prompt.id)
            seen.add(digest)
    return report


# ---- examples ------------------------------------------------------------------------------------------------------


def best_examples(store: Store, template: Template, count: int, seed: int = 17) -> list[Example]:
    """So many examples of a template's task: answers that people wrote or corrected, then those they rated highest.

    Only of prompts to train on, never of held-out ones, and each of another prompt; those of the same template come
    first. The seed decides among equals, so the same project and seed give the same examples.
    """
    prompts = {prompt.id: prompt for prompt in store.prompts.list(split="train", tag=template.task)}
    same = {filling.prompt_id for filling in store.fillings.of_template(template.id)}
    chance = random.Random(seed)
    best: dict[str, tuple[tuple[bool, float, float], Example]] = {}
    for prompt_id, text, worth in sorted(_good_answers(store, set(prompts))):
        prompt = prompts[prompt_id]
        rank = (prompt_id in same, worth, chance.random())
        if prompt_id not in best or rank > best[prompt_id][0]:
            best[prompt_id] = rank, Example(prompt_id, prompt.text, text)
    ordered = sorted(best.values(), key=lambda each: each[0], reverse=True)
    return [example for _, example in ordered[:count]]


def _good_answers(store: Store, prompt_ids: set[str]) -> set[tuple[str, str, float]]:
    """(prompt, text, worth from 0 to 2) of what people wrote, thumbed up, or rated high."""
    stars: dict[tuple[str, str], list[float]] = {}
    found: set[tuple[str, str, float]] = set()
    for page in store.feedback.judgements_by_page():
        for said in page:
            if said.prompt_id not in prompt_ids:
                continue
            if said.kind == "edit" and said.value.get("demonstration"):
                found.add((said.prompt_id, str(said.value["text"]), 2.0))
            for answer, number in zip(said.answers, _numbers(said.kind, said.value), strict=False):
                if number is not None:
                    stars.setdefault((said.prompt_id, answer.text), []).append(number)
    for (prompt_id, text), given in stars.items():
        mean = sum(given) / len(given)
        if mean >= GOOD_STARS and text.strip():
            found.add((prompt_id, text, mean / 5))
    return found


def _numbers(kind: str, value: Mapping[str, Any]) -> list[float | None]:
    """Stars of each answer that a judgement shows; a thumb up is four and a half, a thumb down one."""
    if kind == "rating":
        return [None if number is None else float(number) for number in value["ratings"]]
    if kind == "thumbs":
        return [None if up is None else 4.5 if up else 1.0 for up in value["thumbs"]]
    return []
