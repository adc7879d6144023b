"""Which rows a list shows: a Filter, and the SQL condition that it is. For the Data pane."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from .finding import found

if TYPE_CHECKING:
    from .store import Store

ONLY = ("repeats", "flagged", "commented", "imported")
"""What `Filter.only` can ask for; a judgement must be all of those that are named."""

MODEL = """COALESCE((SELECT name FROM models WHERE id = COALESCE(r.adapter_id, r.model_id)), '')"""
_TEACHES = "f.retracted_at IS NULL AND f.run_id IS NULL AND f.kind NOT IN ('skip', 'flag', 'cannot')"

_LISTS = (
    "kinds", "annotators", "models", "tags", "reasons", "ids", "prompt_ids", "response_ids", "only", "methods",
    "statuses",
)  # fmt: skip


@dataclass(frozen=True)
class Filter:
    """What a list shows. None is all, a tuple any of these; everything that is asked for must hold.

    aside: False leaves out what was skipped, flagged or could not be judged. models: by name, "" for imported answers.
    retracted: False for judgements that stand, True for those taken back, None for both.
    used_by: the id of a run that learned from them. guideline: the id of a version, "" for none.
    search: every word must be somewhere in the prompt, the answers, the comment or the edited text.
    judged: for prompts and answers. methods and statuses: for runs. judges: True for what judges said, instead of what
    people said.
    """

    kinds: tuple[str, ...] | None = None
    aside: bool = True
    annotators: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    reasons: tuple[str, ...] | None = None
    split: str | None = None
    search: str = ""
    retracted: bool | None = False
    used_by: str | None = None
    ids: tuple[str, ...] | None = None
    prompt_ids: tuple[str, ...] | None = None
    response_ids: tuple[str, ...] | None = None
    guideline: str | None = None
    only: tuple[str, ...] = ()
    judged: bool | None = None
    methods: tuple[str, ...] | None = None
    statuses: tuple[str, ...] | None = None
    judges: bool | None = None

    def to_query(self) -> dict[str, Any]:
        """As keywords of `entries` and `count`."""
        return dict(vars(self))

    def to_json(self) -> dict[str, Any]:
        """What differs from a filter that shows everything, to be kept."""
        usual = Filter()
        given = {name: value for name, value in vars(self).items() if value != getattr(usual, name)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Filter:
        """From what was kept. What this version does not know, or what is of a wrong type, is left out."""
        known = {name: _fitting(name, given[name]) for name in (each.name for each in fields(cls)) if name in given}
        return cls(**{name: value for name, value in known.items() if value is not _MISFIT})


_MISFIT = object()


def _fitting(name: str, value: Any) -> Any:
    if name in _LISTS:
        if name != "only" and value is None:
            return None
        fine = isinstance(value, list | tuple | set) and all(isinstance(each, str) for each in value)
        if not fine:
            return _MISFIT
        return tuple(each for each in value if name != "only" or each in ONLY)
    if name in ("retracted", "judged", "judges", "aside"):
        return value if isinstance(value, bool) or (value is None and name != "aside") else _MISFIT
    if name == "search":
        return value if isinstance(value, str) else _MISFIT
    return value if value is None or isinstance(value, str) else _MISFIT


class Condition:
    """Parts of a WHERE that all must hold, with their parameters."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.params: dict[str, Any] = {}

    def add(self, sql: str, **params: Any) -> None:
        """One more part."""
        self.parts.append(sql)
        self.params |= params

    def any_of(self, name: str, values: Sequence[str] | None, sql: str) -> None:
        """A part with `{}` for the values that are let through; none when all are."""
        if values is not None:
            self.add(sql.format(f"(SELECT value FROM json_each(:{name}))"), **{name: json.dumps(list(values))})

    @property
    def sql(self) -> str:
        """All of it."""
        return " AND ".join(self.parts) or "1"


_SHOWS = "EXISTS (SELECT 1 FROM shown s JOIN responses r ON r.id = s.response_id WHERE s.feedback_id = f.id AND "
_TAGGED = "IN (SELECT prompt_id FROM prompt_tags WHERE tag IN {})"
_FLAGGED = "IN (SELECT prompt_id FROM feedback WHERE kind = 'flag' AND retracted_at IS NULL)"
_ONLY = {
    "repeats": "f.repeat_of IS NOT NULL",
    "flagged": f"f.prompt_id {_FLAGGED}",
    "commented": "f.comment <> ''",
    "imported": "f.import_key IS NOT NULL AND f.import_key NOT LIKE 'bulk:%'",
}


def of_judgements(store: Store, wanted: Filter) -> Condition:
    """The condition on `feedback f`."""
    where = Condition()
    where.any_of("kinds", wanted.kinds, "f.kind IN {}")
    if not wanted.aside:
        where.add("f.kind NOT IN ('skip', 'flag', 'cannot')")
    where.any_of("annotators", wanted.annotators, "f.annotator IN {}")
    where.any_of("models", wanted.models, _SHOWS + MODEL + " IN {})")
    where.any_of("tags", wanted.tags, "f.prompt_id " + _TAGGED)
    where.any_of("reasons", wanted.reasons, "EXISTS (SELECT 1 FROM json_each(f.reasons) y WHERE y.value IN {})")
    where.any_of("ids", wanted.ids, "f.id IN {}")
    where.any_of("prompt_ids", wanted.prompt_ids, "f.prompt_id IN {}")
    where.any_of("response_ids", wanted.response_ids, _SHOWS + "r.id IN {})")
    if wanted.split is not None:
        where.add("f.prompt_id IN (SELECT id FROM prompts WHERE split = :split)", split=wanted.split)
    if wanted.retracted is not None:
        where.add("f.retracted_at IS NOT NULL" if wanted.retracted else "f.retracted_at IS NULL")
    if wanted.used_by is not None:
        where.add("f.id IN (SELECT feedback_id FROM run_feedback WHERE run_id = :used_by)", used_by=wanted.used_by)
    if wanted.guideline is not None:
        where.add("COALESCE(f.guideline_id, '') = :guideline", guideline=wanted.guideline)
    for name in wanted.only:
        where.add(_ONLY[name])
    for term in found(store, wanted.search):
        where.add(term.judgements, **term.params)
    return where


def of_prompts(store: Store, wanted: Filter) -> Condition:
    """The condition on `prompts p`."""
    where = Condition()
    models = f"EXISTS (SELECT 1 FROM responses r WHERE r.prompt_id = p.id AND {MODEL} IN {{}})"
    where.any_of("models", wanted.models, models)
    where.any_of("tags", wanted.tags, "p.id " + _TAGGED)
    where.any_of("prompt_ids", wanted.prompt_ids, "p.id IN {}")
    if wanted.split is not None:
        where.add("p.split = :split", split=wanted.split)
    if wanted.judged is not None:
        judged = "p.id IN (SELECT prompt_id FROM queue WHERE judged > 0)"
        where.add(judged if wanted.judged else f"NOT {judged}")
    if "flagged" in wanted.only:
        where.add(f"p.id {_FLAGGED}")
    if wanted.used_by is not None:
        used = "SELECT f.prompt_id FROM run_feedback u JOIN feedback f ON f.id = u.feedback_id"
        where.add(f"p.id IN ({used} WHERE u.run_id = :used_by)", used_by=wanted.used_by)
    for term in found(store, wanted.search):
        where.add(term.prompts, **term.params)
    return where


def of_answers(store: Store, wanted: Filter) -> Condition:
    """The condition on `responses r`."""
    where = Condition()
    where.any_of("models", wanted.models, MODEL + " IN {}")
    where.any_of("tags", wanted.tags, "r.prompt_id " + _TAGGED)
    where.any_of("prompt_ids", wanted.prompt_ids, "r.prompt_id IN {}")
    where.any_of("response_ids", wanted.response_ids, "r.id IN {}")
    if wanted.split is not None:
        where.add("r.prompt_id IN (SELECT id FROM prompts WHERE split = :split)", split=wanted.split)
    if wanted.judged is not None:
        judged = f"""EXISTS (SELECT 1 FROM shown s JOIN feedback f ON f.id = s.feedback_id
            WHERE s.response_id = r.id AND {_TEACHES})"""
        where.add(judged if wanted.judged else f"NOT {judged}")
    if "flagged" in wanted.only:
        where.add(f"r.prompt_id {_FLAGGED}")
    if wanted.used_by is not None:
        used = "SELECT s.response_id FROM run_feedback u JOIN shown s ON s.feedback_id = u.feedback_id"
        where.add(f"r.id IN ({used} WHERE u.run_id = :used_by)", used_by=wanted.used_by)
    for term in found(store, wanted.search):
        where.add(term.answers, **term.params)
    return where


def of_runs(store: Store, wanted: Filter) -> Condition:
    """The condition on `runs u`."""
    where = Condition()
    where.any_of("methods", wanted.methods, "u.method IN {}")
    where.any_of("statuses", wanted.statuses, "u.status IN {}")
    where.any_of("ids", wanted.ids, "u.id IN {}")
    for number, word in enumerate(wanted.search.replace("\0", " ").split()[:8]):
        where.add(
            f"(instr(lower(u.name), :run{number}) OR instr(u.method, :run{number}))", **{f"run{number}": word.lower()}
        )
    return where
