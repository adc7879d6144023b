"""Rows of feedback. Nothing is overwritten or deleted: undo sets `retracted_at`, redo clears it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import WorkbenchError
from ..feedback import ASIDE, KINDS
from ..feedback.base import Answer, Judgement
from .judges import is_judge
from .prompts import MAX_TEXT, checked_text
from .records import Feedback
from .rows import id_of, new_id, now, to_json

if TYPE_CHECKING:
    from .store import Store

_SELECT = """SELECT feedback.*, (SELECT json_group_array(response_id) FROM
    (SELECT response_id FROM shown WHERE feedback_id = feedback.id ORDER BY position)) AS response_ids
    FROM feedback """
_PAGE = 1_000
"""Judgements read at once."""


class FeedbackRows:
    """Judgements, in the order of `seq`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(
        self,
        kind: str,
        prompt_id: str,
        response_ids: Sequence[str],
        value: Mapping[str, Any],
        *,
        by: object = None,
        comment: str = "",
        reasons: Iterable[str] = (),
        import_key: str | None = None,
        **fields: Any,
    ) -> Feedback:
        """Commit one judgement and return it. When this returns, it is on disk.

        `response_ids` in the order in which they were shown. `value` is checked by its kind; raises WorkbenchError
        when it is no judgement of that many answers. A known import_key returns the row that is there.
        Fields: annotator, seconds, blind, run_id, guideline_id, repeat_of.
        """
        if import_key:
            known = self._store.rows(_SELECT + "WHERE import_key = ?", [import_key])
            if known:
                return _feedback(known[0])
        stored = checked_value(kind, value, len(response_ids))
        row = {
            "id": id_of(import_key) if import_key else new_id(),
            "kind": kind,
            "prompt_id": prompt_id,
            "value": stored,
            "comment": checked_text(comment, "The comment"),
            "reasons": to_json(list(reasons)),
            "import_key": import_key,
            "created_at": now(),
            **fields,
        }
        row["blind"] = int(row.get("blind", True))
        with self._store.writing() as db:
            if not import_key:  # the person went on, so what undo took stays out
                db.execute(
                    "UPDATE feedback SET retracted_by = 'undone' WHERE annotator = ? AND retracted_by = 'undo'",
                    [row.get("annotator", "")],
                )
            db["feedback"].insert(row)  # type: ignore[union-attr]
            db.conn.executemany(
                "INSERT INTO shown(feedback_id, position, response_id) VALUES (?, ?, ?)",
                [(row["id"], position, response_id) for position, response_id in enumerate(response_ids)],
            )
        self._store.changed("feedback", by)
        return self.find(row["id"])

    def find(self, feedback_id: str) -> Feedback:
        """The judgement with this id."""
        return _feedback(self._store.rows(_SELECT + "WHERE id = ?", [feedback_id])[0])

    def list(
        self,
        *,
        kinds: Sequence[str] | None = None,
        annotator: str | None = None,
        run_id: str | None = None,
        retracted: bool = False,
    ) -> list[Feedback]:
        """Judgements in order. `retracted` also lists those that were taken back."""
        sql = _SELECT + "WHERE (:retracted OR retracted_at IS NULL) AND (:annotator IS NULL OR annotator = :annotator) "
        sql += "AND (:run_id IS NULL OR run_id = :run_id) "
        sql += "AND (:kinds IS NULL OR kind IN (SELECT value FROM json_each(:kinds))) ORDER BY seq"
        params = {
            "retracted": int(retracted),
            "annotator": annotator,
            "run_id": run_id,
            "kinds": None if kinds is None else json.dumps(list(kinds)),
        }
        return [_feedback(row) for row in self._store.rows(sql, params)]

    def undo(self, annotator: str, by: object = None) -> Feedback | None:
        """Take back the newest judgement of this person and return it; None when there is none.

        Works after a restart. Imported judgements are passed over: they were not made here.
        """
        seq = self._store.value(
            "SELECT MAX(seq) FROM feedback WHERE annotator = ? AND retracted_at IS NULL AND import_key IS NULL",
            [annotator],
        )
        return self._set_retracted(seq, "undo", by)

    def redo(self, annotator: str, by: object = None) -> Feedback | None:
        """Put back what undo took last, unless the person has judged since; None when there is nothing."""
        # Undo goes backwards, so the earliest that it took is the one that it took last.
        seq = self._store.value(
            "SELECT MIN(seq) FROM feedback WHERE annotator = ? AND retracted_by = 'undo'", [annotator]
        )
        return self._set_retracted(seq, None, by)

    def retract(self, feedback_ids: Iterable[str], retracted: bool = True, by: object = None) -> None:
        """Take judgements out of everything that learns or counts, or put them back."""
        when, who = (now(), "person") if retracted else (None, None)
        with self._store.writing() as db:
            db.conn.executemany(
                "UPDATE feedback SET retracted_at = ?, retracted_by = ? WHERE id = ?",
                [(when, who, feedback_id) for feedback_id in feedback_ids],
            )
        self._store.changed("feedback", by)

    def _set_retracted(self, seq: int | None, retracted_by: str | None, by: object) -> Feedback | None:
        if seq is None:
            return None
        with self._store.writing() as db:
            db.execute(
                "UPDATE feedback SET retracted_at = ?, retracted_by = ? WHERE seq = ?",
                [now() if retracted_by else None, retracted_by, seq],
            )
        self._store.changed("feedback", by)
        return _feedback(self._store.rows(_SELECT + "WHERE seq = ?", [seq])[0])

    def counts(self) -> dict[str, int]:
        """Judgements that stand, by kind."""
        sql = "SELECT kind, COUNT(*) AS n FROM feedback WHERE retracted_at IS NULL GROUP BY kind"
        return {row["kind"]: row["n"] for row in self._store.rows(sql)}

    def annotators(self) -> dict[str, int]:
        """Everyone who judged, with the number of judgements that stand."""
        sql = "SELECT annotator, COUNT(*) AS n FROM feedback WHERE retracted_at IS NULL GROUP BY annotator "
        return {row["annotator"]: row["n"] for row in self._store.rows(sql + "ORDER BY n DESC")}

    def judgements(self, *, annotators: Sequence[str] | None = None) -> list[Judgement]:
        """Every judgement that stands, with its texts, in order: what conversion to training examples reads.

        Votes of an evaluation are left out: they measure a model and must not teach the next one. So is what a judge
        said, unless it is one of the `annotators`; then it follows what people said.
        """
        people = [judgement for page in self.judgements_by_page(annotators=annotators) for judgement in page]
        judges = [name for name in annotators or () if is_judge(name)]
        return people + (self._store.judges.judgements(judges) if judges else [])

    def judgements_by_page(
        self, size: int = _PAGE, *, annotators: Sequence[str] | None = None
    ) -> Iterator[list[Judgement]]:
        """The same, so many at a time: for one who counts them beside a window that must not wait."""
        sql = _SELECT + "WHERE seq > :after AND retracted_at IS NULL AND run_id IS NULL "
        sql += "AND kind NOT IN (SELECT value FROM json_each(:aside)) "
        sql += "AND (:who IS NULL OR annotator IN (SELECT value FROM json_each(:who))) ORDER BY seq LIMIT :size"
        who = None if annotators is None else json.dumps(list(annotators))
        place = {"after": -1, "who": who, "aside": json.dumps(ASIDE), "size": size}
        more = True
        while more:
            # The judgements before what they are about: one that is made meanwhile is left out, and not half there.
            rows = self._store.rows(sql, place)
            more = len(rows) == size
            if rows:
                yield self._with_texts([_feedback(row) for row in rows])
                place["after"] = rows[-1]["seq"]

    def _with_texts(self, found: Sequence[Feedback]) -> list[Judgement]:
        prompts = {prompt.id: prompt for prompt in self._store.prompts.of({item.prompt_id for item in found})}
        shown = json.dumps(sorted({id_ for item in found for id_ in item.response_ids}))
        sql = "SELECT id, text FROM responses WHERE id IN (SELECT value FROM json_each(?))"
        texts = {row["id"]: row["text"] for row in self._store.rows(sql, [shown])}
        return [
            Judgement(
                id=item.id,
                kind=item.kind,
                prompt_id=item.prompt_id,
                messages=prompts[item.prompt_id].messages,
                answers=tuple(Answer(id_, texts[id_]) for id_ in item.response_ids),
                value=item.value,
                split=prompts[item.prompt_id].split,
                annotator=item.annotator,
            )
            for item in found
        ]


def checked_value(kind: str, value: Mapping[str, Any], shown: int) -> str:
    """The JSON to store. Raises WorkbenchError when the value is no judgement of that many answers."""
    if kind not in KINDS and kind not in ASIDE:
        raise WorkbenchError(f"There is no kind of feedback called {kind}.", f"Choose one of {', '.join(KINDS)}.")
    stored = to_json(dict(value) if kind in ASIDE else KINDS[kind].check(value, shown))
    if len(stored) > MAX_TEXT:
        raise WorkbenchError("The judgement is longer than 10 million characters.", "Shorten it.")
    return stored


def _feedback(row: dict[str, Any]) -> Feedback:
    return Feedback(
        **row
        | {
            "value": json.loads(row["value"]),
            "reasons": tuple(json.loads(row["reasons"])),
            "response_ids": tuple(json.loads(row["response_ids"])),
            "blind": bool(row["blind"]),
        }
    )
