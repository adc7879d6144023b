"""What models and rules said of answers, in tables of their own.

People's judgements are rows of `feedback`; nothing that reads those meets a judge. Whoever wants a judge's judgements
names it, by the name that begins with "judge: ".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import WorkbenchError
from ..feedback import KINDS
from ..feedback.base import Answer, Judgement
from .prompts import checked_text
from .records import JudgeRecord, JudgeRubric, Verdict
from .rows import id_of, now, to_json

if TYPE_CHECKING:
    from .store import Store

JUDGE = "judge: "
"""What the name of a judge begins with; no person is called so."""
SHORT = 4
"""Letters of a rubric's hash that a name shows."""

_SELECT = """SELECT v.*, j.name FROM judge_verdicts v JOIN judges j ON j.id = v.judge_id """


def is_judge(name: str) -> bool:
    """Whether this is a judge's name and no person's."""
    return name.startswith(JUDGE)


def name_of(called: str, rubric_id: str) -> str:
    """What stands where a person's name stands. No comma: names are listed with commas between them."""
    return f"{JUDGE}{' '.join(called.replace(',', ' ').split())} (rubric {rubric_id[:SHORT]})"


def rubric_id(text: str) -> str:
    """The id of a rubric: a hash of its text."""
    return id_of(f"judge rubric {text.strip()}")


def judge_id(kind: str, about: Mapping[str, Any], rubric: str) -> str:
    """The id of a judge with a rubric of this id."""
    return id_of(f"judge {kind} {to_json(dict(about))} {rubric}")


class JudgeRows:
    """Judges, the versions of what they look for, and what they said."""

    def __init__(self, store: Store) -> None:
        self._store = store

    # --- rubrics

    def add_rubric(self, text: str, *, written: bool = True, by: object = None) -> JudgeRubric:
        """Keep a version, unless there is one that says the same. Raises WorkbenchError when it is empty."""
        text = checked_text(text, "The rubric").strip()
        if not text:
            raise WorkbenchError("The rubric is empty.", "Write what the judge is to look for.")
        rubric = JudgeRubric(rubric_id(text), text, written, now())
        with self._store.writing() as db:
            db.execute(
                "INSERT OR IGNORE INTO judge_rubrics(id, text, written, created_at) VALUES (?, ?, ?, ?)",
                [rubric.id, text, int(written), rubric.created_at],
            )
        self._store.changed("judges", by)
        return self.rubric(rubric.id)

    def rubric(self, id_: str) -> JudgeRubric:
        """The version with this id."""
        return _rubric(self._store.rows("SELECT * FROM judge_rubrics WHERE id = ?", [id_])[0])

    def rubrics(self) -> list[JudgeRubric]:
        """Every version that a person wrote, oldest first."""
        sql = "SELECT * FROM judge_rubrics WHERE written = 1 ORDER BY created_at, rowid"
        return [_rubric(row) for row in self._store.rows(sql)]

    # --- judges

    def add(self, called: str, kind: str, about: Mapping[str, Any], rubric: JudgeRubric) -> JudgeRecord:
        """The judge that is so and goes by this rubric, made when there was none."""
        told, id_ = to_json(dict(about)), judge_id(kind, about, rubric.id)
        with self._store.writing() as db:
            db.execute(
                """INSERT OR IGNORE INTO judges(id, name, kind, about, rubric_id, created_at)
                VALUES (?, ?, ?, ?, ?, ?)""",
                [id_, self._free(name_of(called, rubric.id), id_), kind, told, rubric.id, now()],
            )
        return self.find(id_)

    def _free(self, name: str, id_: str) -> str:
        """Two judges may be called alike, as one model on two servers: the second is told by its own id too."""
        taken = self._store.value("SELECT 1 FROM judges WHERE name = ? AND id <> ?", [name, id_])
        return f"{name[:-1]} at {id_[:SHORT]})" if taken else name

    def find(self, id_or_name: str) -> JudgeRecord:
        """The judge with this id or name. Raises WorkbenchError when there is none."""
        rows = self._store.rows("SELECT * FROM judges WHERE id = :key OR name = :key LIMIT 1", {"key": id_or_name})
        if not rows:
            raise WorkbenchError(f"This project has no judge called {id_or_name}.", "See: workbench judge report.")
        return _judge(rows[0])

    def list(self) -> list[JudgeRecord]:
        """Every judge, oldest first."""
        return [_judge(row) for row in self._store.rows("SELECT * FROM judges ORDER BY created_at, rowid")]

    def counts(self) -> dict[str, int]:
        """How many verdicts each judge gave, by name, most first; judges that said nothing yet are not among them."""
        sql = """SELECT j.name, COUNT(*) AS n FROM judge_verdicts v JOIN judges j ON j.id = v.judge_id
            WHERE v.value <> '' GROUP BY j.name ORDER BY n DESC, 1"""
        return {row["name"]: row["n"] for row in self._store.rows(sql)}

    # --- what they said

    def say(self, verdict: Verdict, by: object = None) -> None:
        """Keep a verdict; what the judge said of the same answers before stays. Raises WorkbenchError for none."""
        value = "" if verdict.value is None else _checked(verdict)
        first, other = verdict.response_ids[0], verdict.response_ids[-1]
        row = {
            "id": id_of(f"verdict {verdict.judge_id} {first} {other}"),
            **{name: getattr(verdict, name) for name in ("judge_id", "kind", "prompt_id", "score", "run_id")},
            **{name: getattr(verdict, name) for name in ("tokens_in", "tokens_out", "cost", "seconds")},
            "response_id": first,
            "other_id": other,
            "value": value,
            "told": to_json(dict(verdict.told)),
            "created_at": now(),
        }
        with self._store.writing() as db:
            names, marks = ", ".join(row), ", ".join(f":{name}" for name in row)
            db.execute(f"INSERT OR IGNORE INTO judge_verdicts({names}) VALUES ({marks})", row)
        self._store.changed("judges", by)

    def verdicts(self, judge: str, kind: str | None = None) -> list[Verdict]:
        """Everything that a judge said, in order, with what it said nothing of."""
        sql = f"{_SELECT} WHERE v.judge_id = :judge AND (:kind IS NULL OR v.kind = :kind) ORDER BY v.seq"
        return [_verdict(row) for row in self._store.rows(sql, {"judge": judge, "kind": kind})]

    def asked(self, judge: str) -> set[frozenset[str]]:
        """The answers, alone or in twos, that a judge was asked about."""
        sql = "SELECT response_id, other_id FROM judge_verdicts WHERE judge_id = ?"
        return {frozenset((row["response_id"], row["other_id"])) for row in self._store.rows(sql, [judge])}

    def judgements(self, names: Iterable[str]) -> list[Judgement]:
        """What the judges of these names said, as people's judgements are read, in order."""
        sql = f"""{_SELECT} WHERE v.value <> '' AND j.name IN (SELECT value FROM json_each(?)) ORDER BY v.seq"""
        rows = self._store.rows(sql, [json.dumps(list(names))])
        prompts = {prompt.id: prompt for prompt in self._store.prompts.of({row["prompt_id"] for row in rows})}
        texts = self.texts({row[side] for row in rows for side in ("response_id", "other_id")})
        return [
            Judgement(
                id=row["id"],
                kind=row["kind"],
                prompt_id=row["prompt_id"],
                messages=prompts[row["prompt_id"]].messages,
                answers=tuple(Answer(id_, texts[id_]) for id_ in _shown(row)),
                value=json.loads(row["value"]),
                split=prompts[row["prompt_id"]].split,
                annotator=row["name"],
            )
            for row in rows
        ]

    def texts(self, ids: Iterable[str]) -> dict[str, str]:
        """The answers of these ids."""
        sql = "SELECT id, text FROM responses WHERE id IN (SELECT value FROM json_each(?))"
        return {row["id"]: row["text"] for row in self._store.rows(sql, [json.dumps(sorted(ids))])}

    def known(self, ids: Iterable[str]) -> set[str]:
        """Those of the ids that are a judge's verdicts."""
        sql = "SELECT id FROM judge_verdicts WHERE id IN (SELECT value FROM json_each(?))"
        return {row["id"] for row in self._store.rows(sql, [json.dumps(list(ids))])}

    def said_by(self, ids: Iterable[str]) -> dict[str, int]:
        """How many of the ids are verdicts, by the judge's name."""
        sql = """SELECT j.name, COUNT(*) AS n FROM judge_verdicts v JOIN judges j ON j.id = v.judge_id
            WHERE v.id IN (SELECT value FROM json_each(?)) GROUP BY j.name"""
        return {row["name"]: row["n"] for row in self._store.rows(sql, [json.dumps(sorted(ids))])}

    def learned_by(self, run_id: str) -> dict[str, int]:
        """How many verdicts of each judge a run learned from."""
        sql = """SELECT j.name, COUNT(*) AS n FROM run_verdicts u JOIN judge_verdicts v ON v.id = u.verdict_id
            JOIN judges j ON j.id = v.judge_id WHERE u.run_id = ? GROUP BY j.name"""
        return {row["name"]: row["n"] for row in self._store.rows(sql, [run_id])}


def _checked(verdict: Verdict) -> str:
    assert verdict.value is not None
    return to_json(KINDS[verdict.kind].check(verdict.value, len(verdict.response_ids)))


def _shown(row: Mapping[str, Any]) -> Sequence[str]:
    return (row["response_id"],) if row["kind"] == "rating" else (row["response_id"], row["other_id"])


def _rubric(row: dict[str, Any]) -> JudgeRubric:
    return JudgeRubric(row["id"], row["text"], bool(row["written"]), row["created_at"])


def _judge(row: dict[str, Any]) -> JudgeRecord:
    return JudgeRecord(**row | {"about": json.loads(row["about"])})


def _verdict(row: dict[str, Any]) -> Verdict:
    named = {name: row[name] for name in Verdict.__dataclass_fields__ if name in row}
    value = json.loads(row["value"]) if row["value"] else None
    return Verdict(**named | {"value": value, "told": json.loads(row["told"]), "response_ids": tuple(_shown(row))})
