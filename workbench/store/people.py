"""The people who judge in a project. They have names and no passwords: who sits here is a matter of choosing.

A name stands in every judgement. Giving a person another name rewrites it there, for two reasons against an alias: a
file that leaves the project, a merge and a training run on one person's judgements all read the name in the row; and
two people who are both called "you" on two computers can be told apart only when one is renamed before they meet. What
was said is not touched, each row says when its name was given, and every renaming is kept in the project.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..errors import WorkbenchError
from . import saved_filters
from .browsing import RULE
from .judges import JUDGE
from .rows import now, to_json, well_formed

if TYPE_CHECKING:
    from .store import Store

SETTING = "people"
LONGEST_NAME = 60

# Every name once, found by stepping from one to the next through an index.
_JUDGED = """WITH RECURSIVE who(name) AS (SELECT MIN(annotator) FROM feedback UNION ALL
    SELECT (SELECT MIN(annotator) FROM feedback WHERE annotator > name) FROM who WHERE name IS NOT NULL)
    SELECT name FROM who WHERE name IS NOT NULL"""


@dataclass(frozen=True)
class Renaming:
    """A person got another name, and so many judgements with it."""

    before: str
    after: str
    at: str
    judgements: int


def people(store: Store) -> list[str]:
    """Everybody who was added or has judged, in the order of the alphabet; rules and the unknown are nobody."""
    judged = {row["name"] for row in store.rows(_JUDGED)}
    found = {name for name in judged | set(_kept(store)["names"]) if name and not name.startswith(RULE)}
    return sorted(found, key=lambda name: (name.casefold(), name))


def add(store: Store, name: str, by: object = None) -> str:
    """Add a person and return the name as it is kept. Raises WorkbenchError when it is empty or somebody has it."""
    name = _free(store, name)
    kept = _kept(store)
    _keep(store, kept | {"names": [*kept["names"], name]}, by)
    return name


def rename(store: Store, before: str, after: str, by: object = None) -> Renaming:
    """Give a person another name, in every judgement, guideline, draft and saved filter, in one transaction.

    Raises WorkbenchError when the name is empty or somebody else has it: two people do not become one.
    """
    after = _free(store, after, but=before)
    with store.writing() as db:
        when = now()
        amount = store.value("SELECT COUNT(*) FROM feedback WHERE annotator = ? AND retracted_at IS NULL", [before])
        db.execute("UPDATE feedback SET annotator = ?, renamed_at = ? WHERE annotator = ?", [after, when, before])
        db.execute("UPDATE guidelines SET annotator = ? WHERE annotator = ?", [after, before])
        _rename_drafts(store, before, after)
        _rename_records(store, before, after)
        kept, done = _kept(store), Renaming(before, after, when, amount)
        others = [name for name in kept["names"] if name != before]
        _keep(store, {"names": [*others, after], "renamed": [*kept["renamed"], asdict(done)]}, by)
        store.changed("feedback", by)
    return done


def renamings(store: Store) -> list[Renaming]:
    """Every renaming in this project, oldest first."""
    return [Renaming(**each) for each in _kept(store)["renamed"]]


def _free(store: Store, name: str, but: str = "") -> str:
    """The name as it is kept. Raises WorkbenchError when it cannot be one."""
    name = " ".join(well_formed(unicodedata.normalize("NFC", name)).split())
    if not name or not name.isprintable():
        raise WorkbenchError("A person needs a name.", "Type a name that can be read.")
    if len(name) > LONGEST_NAME:
        raise WorkbenchError(f"A name has at most {LONGEST_NAME} letters.", "Shorten it.")
    if name.startswith((RULE, JUDGE.strip())):
        raise WorkbenchError(
            f"Names that begin with “{RULE}” or “{JUDGE.strip()}” are for rules and judges.", "Choose another name."
        )
    if any(name.casefold() == other.casefold() for other in people(store) if other != but):
        raise WorkbenchError(f"There is a {name} already.", "Choose another name, or judge as that person.")
    return name


def _rename_drafts(store: Store, before: str, after: str) -> None:
    """The keys of drafts are a word, the person, and perhaps an id: "edit Noor 3f1c..."."""
    for row in store.rows("SELECT key FROM drafts WHERE instr(key, ?)", [f" {before}"]):
        word, _, rest = row["key"].partition(" ")
        person, _, id_ = rest.rpartition(" ") if rest != before else (rest, "", "")
        if person == before:
            key = f"{word} {after} {id_}".rstrip()
            store.db.execute("UPDATE OR REPLACE drafts SET key = ? WHERE key = ?", [key, row["key"]])


def _rename_records(store: Store, before: str, after: str) -> None:
    """What the person has done to many rows at once can still be undone by them, and filters find them."""
    store.db.execute(
        """UPDATE project SET value = json_set(value, '$.annotator', ?)
        WHERE key >= 'bulk/' AND key < 'bulk0' AND value ->> 'annotator' = ?""",
        [after, before],
    )
    kept = store.setting(saved_filters.SETTING)
    if not isinstance(kept, list):
        return
    for each in kept:
        wanted = each.get("filter") if isinstance(each, dict) else None
        if isinstance(wanted, dict) and isinstance(wanted.get("annotators"), list):
            wanted["annotators"] = [after if name == before else name for name in wanted["annotators"]]
    if to_json(kept) != to_json(store.setting(saved_filters.SETTING)):
        store.set_setting(saved_filters.SETTING, kept)


def _kept(store: Store) -> dict[str, list[Any]]:
    """What the project says of its people; nothing of it where it is damaged."""
    found = store.setting(SETTING)
    kept = found if isinstance(found, dict) else {}
    names, renamed = kept.get("names"), kept.get("renamed")
    return {
        "names": [name for name in names if isinstance(name, str)] if isinstance(names, list) else [],
        "renamed": [each for each in renamed if _is_renaming(each)] if isinstance(renamed, list) else [],
    }


def _is_renaming(found: Any) -> bool:
    return isinstance(found, dict) and set(found) == {"before", "after", "at", "judgements"}


def _keep(store: Store, kept: Mapping[str, Any], by: object) -> None:
    store.set_setting(SETTING, dict(kept))
    store.changed("people", by)
