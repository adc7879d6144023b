"""What linear reward heads read of answers, and what reward models said of them. A cache: it can be computed again.

A vector belongs to a space: the base, its chat template and the depth at which it was read. Vectors of different spaces
cannot be compared. They are kept as little-endian float16, half the size, and a head cannot tell the difference.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..feedback.base import Answer, Judgement
from ..lm.vectors import BYTES, FORM

if TYPE_CHECKING:
    import numpy as np

    from .store import Store

FEWEST_PAIRS = 20
"""Fewer pairs with vectors than this say nothing about answers that nobody has seen."""
_AT_ONCE = 2_000

_WANTED = """(r.queued = 1 OR EXISTS (SELECT 1 FROM shown s WHERE s.response_id = r.id))"""


@dataclass(frozen=True)
class Vectors:
    """Some vectors of one space: answers and their prompts, [n, f] in float16, and where the next call goes on."""

    ids: list[str]
    prompt_ids: list[str]
    matrix: np.ndarray
    last: int


class FeatureRows:
    """Vectors by answer and space, and reward models' scores by model and answer."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, space: str, vectors: Mapping[str, bytes], by: object = None) -> None:
        """Keep the vectors of some answers; a vector that is there already is replaced."""
        with self._store.writing() as db:
            db.conn.executemany(
                "INSERT OR REPLACE INTO features(response_id, space, vector) VALUES (?, ?, ?)",
                [(id_, space, vector) for id_, vector in vectors.items()],
            )
        self._store.changed("features", by)

    def spaces(self) -> dict[str, int]:
        """How many vectors there are in each space, most first."""
        sql = "SELECT space, COUNT(*) AS n FROM features GROUP BY space ORDER BY n DESC, space"
        return {row["space"]: row["n"] for row in self._store.rows(sql)}

    def any(self) -> bool:
        """Whether there are vectors at all."""
        return bool(self._store.rows("SELECT 1 FROM features LIMIT 1"))

    def read(self, space: str, after: int = 0, most: int = -1) -> Vectors:
        """The vectors of a space that were added after a place, oldest first; of very many only the newest `most`."""
        import numpy as np

        width = self.width(space)
        # Vectors of another length are not of this space, whatever they say.
        sql = "FROM features WHERE space = ? AND rowid > ? AND length(vector) = ?"
        params = [space, after, width * BYTES]
        skipped = max(0, self._store.value(f"SELECT COUNT(*) {sql}", params) - most) if most >= 0 else 0
        found = self._store.db.execute(
            f"SELECT rowid, response_id, (SELECT prompt_id FROM responses WHERE id = response_id), vector {sql} "
            "ORDER BY rowid LIMIT -1 OFFSET ?",
            [*params, skipped],
        )
        ids: list[str] = []
        prompt_ids: list[str] = []
        parts: list[np.ndarray] = []
        last = after
        while rows := found.fetchmany(_AT_ONCE):
            last = rows[-1][0]
            ids += [row[1] for row in rows]
            prompt_ids += [row[2] for row in rows]
            parts.append(np.frombuffer(b"".join(row[3] for row in rows), FORM).reshape(len(rows), width))
        return Vectors(ids, prompt_ids, np.concatenate(parts) if parts else np.zeros((0, width), FORM), last)

    def missing(self, space: str, limit: int = -1) -> list[str]:
        """Answers that wait for feedback or were judged and have no vector in a space: judged first, then newest.

        space: a space, or the beginning of one that ends with "/" for any space of a base.
        """
        like = "f.space = :space" if not space.endswith("/") else "substr(f.space, 1, length(:space)) = :space"
        sql = f"""SELECT r.id FROM responses r WHERE {_WANTED}
            AND NOT EXISTS (SELECT 1 FROM features f WHERE f.response_id = r.id AND {like})
            ORDER BY EXISTS (SELECT 1 FROM shown s WHERE s.response_id = r.id) DESC, r.rowid DESC LIMIT :limit"""
        return [row["id"] for row in self._store.rows(sql, {"space": space, "limit": limit})]

    def wanted(self) -> int:
        """How many answers wait for feedback or were judged."""
        return self._store.value(f"SELECT COUNT(*) FROM responses r WHERE {_WANTED}")

    def width(self, space: str) -> int:
        """How many numbers the newest vector of a space has."""
        sql = "SELECT length(vector) FROM features WHERE space = ? ORDER BY rowid DESC LIMIT 1"
        return (self._store.value(sql, [space]) or 0) // BYTES

    def judgements(self, most: int, prompt_ids: Iterable[str] | None = None) -> list[Judgement]:
        """The newest judgements that teach, oldest first, with answers' ids in the place of their texts.

        What a head on vectors learns from; without the texts, thousands are read in some milliseconds.
        prompt_ids: only those of these prompts. most: -1 for all.
        """
        only = "" if prompt_ids is None else "AND f.prompt_id IN (SELECT value FROM json_each(:ids))"
        sql = f"""SELECT f.id, f.kind, f.prompt_id, f.value, f.annotator, (SELECT json_group_array(response_id) FROM
            (SELECT response_id FROM shown WHERE feedback_id = f.id ORDER BY position)) AS ids FROM feedback f
            WHERE retracted_at IS NULL AND run_id IS NULL AND kind NOT IN ('skip', 'flag', 'cannot', 'mark')
            {only} ORDER BY seq DESC LIMIT :most"""
        ids = json.dumps(list(prompt_ids or ()))
        return [
            Judgement(
                id=row["id"],
                kind=row["kind"],
                prompt_id=row["prompt_id"],
                messages=(),
                answers=tuple(Answer(id_, id_) for id_ in json.loads(row["ids"])),
                value=json.loads(row["value"]),
                annotator=row["annotator"],
            )
            for row in reversed(self._store.rows(sql, {"most": most, "ids": ids}))
        ]

    # --- what reward models said

    def add_scores(
        self, model_id: str, scores: Mapping[str, float | None], spreads: Mapping[str, float | None], by: object = None
    ) -> None:
        """Keep what a reward model said of some answers, and how unsure it was where it can say so."""
        rows = [(model_id, id_, score, spreads.get(id_)) for id_, score in scores.items() if score is not None]
        with self._store.writing() as db:
            db.conn.executemany(
                "INSERT OR REPLACE INTO reward_scores(model_id, response_id, score, spread) VALUES (?, ?, ?, ?)", rows
            )
        self._store.changed("features", by)

    def scorer(self) -> str | None:
        """The newest reward model of the project that has scored answers."""
        sql = """SELECT id FROM models m WHERE kind = 'reward' AND removed_at IS NULL
            AND EXISTS (SELECT 1 FROM reward_scores s WHERE s.model_id = m.id) ORDER BY created_at DESC, rowid DESC"""
        return self._store.value(f"{sql} LIMIT 1")

    def scored(self, model_id: str) -> list[tuple[str, str, float, float | None]]:
        """(answer, prompt, score, spread or None) of each answer that a reward model has scored."""
        sql = """SELECT s.response_id, r.prompt_id, s.score, s.spread FROM reward_scores s
            JOIN responses r ON r.id = s.response_id WHERE s.model_id = ?"""
        return [tuple(row) for row in self._store.db.execute(sql, [model_id])]

    def scores_stamp(self, model_id: str) -> tuple[int, float]:
        """Something that changes with the scores of a reward model: how many they are, and their sum."""
        sql = "SELECT COUNT(*) AS n, TOTAL(score) AS total FROM reward_scores WHERE model_id = ?"
        (row,) = self._store.rows(sql, [model_id])
        return row["n"], row["total"]

    def unscored(self, model_id: str) -> list[str]:
        """Answers that wait for feedback or were judged and that a reward model has not scored, newest first."""
        sql = f"""SELECT r.id FROM responses r WHERE {_WANTED} AND NOT EXISTS
            (SELECT 1 FROM reward_scores s WHERE s.model_id = ? AND s.response_id = r.id) ORDER BY r.rowid DESC"""
        return [row["id"] for row in self._store.rows(sql, [model_id])]

    def texts(self, response_ids: Iterable[str]) -> list[dict[str, Any]]:
        """Answers with their conversations, in the order of the ids: {"id", "messages", "text"}."""
        sql = """SELECT r.id, r.text, p.system, p.turns FROM json_each(:ids) w JOIN responses r ON r.id = w.value
            JOIN prompts p ON p.id = r.prompt_id ORDER BY w.key"""
        return [
            {"id": row["id"], "messages": _messages(row["system"], json.loads(row["turns"])), "text": row["text"]}
            for row in self._store.rows(sql, {"ids": json.dumps(list(response_ids))})
        ]


def _messages(system: str, turns: list[dict[str, str]]) -> list[dict[str, str]]:
    return ([{"role": "system", "content": system}] if system else []) + turns
