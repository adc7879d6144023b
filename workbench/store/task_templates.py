"""Task templates: a prompt with variables, `{{name}}`, that are filled in by hand or from a table.

Those that come with the app are TOML files in resources/tasks. A person's own are kept in the project, or as JSON files
in the folder of preferences, where every project finds them.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import paths
from ..errors import WorkbenchError
from .rows import well_formed

if TYPE_CHECKING:
    from .store import Store

log = logging.getLogger(__name__)

SETTING = "task_templates"
DOCUMENTS = "documents"
"""Where the value of a variable comes from that nobody types: the passages of documents that fit the question."""
LONGEST_NAME = 60
_VARIABLE = re.compile(r"\{\{\s*([a-z][a-z0-9_]*)\s*\}\}")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_KNOWN = {"title", "text", "icon", "group", "tags", "system", "user", "sampling", "variables"}


@dataclass(frozen=True)
class Variable:
    """A gap in a template. `long`: whether it takes a field of several lines. `origin`: DOCUMENTS, or "" for typed."""

    name: str
    label: str = ""
    sample: str = ""
    long: bool = False
    optional: bool = False
    origin: str = ""


@dataclass(frozen=True)
class Template:
    """A task. `id` is its file's name; `tags` go to every prompt made of it, and the first of them names the task.

    kept: "app", "project" or "person".
    """

    id: str
    title: str
    text: str
    user: str
    system: str = ""
    icon: str = "pencil"
    group: str = "own"
    tags: tuple[str, ...] = ()
    variables: tuple[Variable, ...] = ()
    temperature: float = 0.7
    max_new_tokens: int = 256
    kept: str = "app"

    @property
    def task(self) -> str:
        """The tag that names the task."""
        return self.tags[0] if self.tags else self.group

    def typed(self) -> tuple[Variable, ...]:
        """The variables that a person fills in."""
        return tuple(variable for variable in self.variables if not variable.origin)

    def samples(self) -> dict[str, str]:
        """Every variable with its sample value."""
        return {variable.name: variable.sample for variable in self.variables}

    def filled(self, values: Mapping[str, str]) -> tuple[str, str]:
        """(system text, user text) with the values in them. Raises WorkbenchError when one is missing or unknown."""
        if strange := sorted(set(values) - {variable.name for variable in self.variables}):
            raise WorkbenchError(f"{self.title} has no variable called {strange[0]}.", f"It has {self._names()}.")
        missing = [each.label for each in self.variables if not (each.optional or values.get(each.name, "").strip())]
        if missing:
            raise WorkbenchError(f"{', '.join(missing)}: no value.", f"{self.title} needs one for each.")
        return _put(self.system, values), _put(self.user, values)

    def _names(self) -> str:
        return ", ".join(variable.name for variable in self.variables) or "none"

    def to_json(self) -> dict[str, Any]:
        """As a person's own templates are kept."""
        variables = [
            {"from" if name == "origin" else name: value for name, value in vars(each).items() if value}
            for each in self.variables
        ]
        plain = {name: getattr(self, name) for name in ("title", "text", "icon", "group", "system", "user")}
        sampling = {"temperature": self.temperature, "max_new_tokens": self.max_new_tokens}
        return plain | {"tags": list(self.tags), "sampling": sampling, "variables": variables}


def parts(text: str) -> list[tuple[str, str]]:
    """A text of a template in pieces: (words, "") and ("", name of a variable), in their order."""
    found, end = [], 0
    for match in _VARIABLE.finditer(text):
        if match.start() > end:
            found.append((text[end : match.start()], ""))
        found.append(("", match[1]))
        end = match.end()
    return [*found, (text[end:], "")] if end < len(text) else found


def _put(text: str, values: Mapping[str, str]) -> str:
    # In one pass: a value that holds {{another}} stays as it is.
    return _VARIABLE.sub(lambda match: values.get(match[1], "").strip("\n"), text).strip()


# ---- reading -------------------------------------------------------------------------------------------------------


def shipped() -> list[Template]:
    """The templates that come with the app, in the order of their files."""
    return [read(path) for path in sorted((paths.resources() / "tasks").glob("*.toml"))]


def personal_folder() -> Path:
    """Where a person's own templates are, for all projects."""
    return paths.user_config() / "tasks"


def templates(store: Store | None = None) -> list[Template]:
    """All of them: the app's, then a person's own and the project's. A damaged file of a person's is left out."""
    found = {template.id: template for template in [*shipped(), *_personal()]}
    if store is not None:
        found |= {template.id: template for template in _of_project(store)}
    return list(found.values())


def find(name: str, store: Store | None = None) -> Template:
    """The template with this id or title. Raises WorkbenchError when there is none."""
    known = templates(store)
    wanted = name.casefold()
    for template in known:
        if wanted in (template.id.casefold(), template.title.casefold()):
            return template
    raise WorkbenchError(f"There is no task called {name}.", f"There are {', '.join(each.id for each in known)}.")


def read(path: Path, kept: str = "app") -> Template:
    """The template in a file, TOML or JSON. Raises WorkbenchError, with what is wrong, when it holds none."""
    try:
        text = path.read_text(encoding="utf-8")
        value = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise WorkbenchError(f"{path.name} cannot be read: {error}.", "Correct the file, or remove it.") from error
    return checked(path.stem, value, kept)


def checked(id_: str, value: Any, kept: str = "app") -> Template:
    """A template of plain values. Raises WorkbenchError, with what is wrong, when they are none."""
    try:
        return _template(id_, value, kept)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise WorkbenchError(f"The task {id_} cannot be used: {reason}.", "Correct it, or remove it.") from error


def _template(id_: str, value: Any, kept: str) -> Template:
    if not isinstance(value, dict):
        raise TypeError("it is not a table of names and values")
    if strange := sorted(set(value) - _KNOWN):
        raise ValueError(f"{strange[0]} is not a part of a template")
    texts = {name: _text(value, name) for name in ("title", "text", "user")}
    texts |= {name: _text(value, name) for name in ("system", "icon", "group") if name in value}
    sampling = value.get("sampling", {})
    made = Template(
        id=id_,
        **texts,
        tags=tuple(str(tag) for tag in value.get("tags", ())),
        variables=tuple(_variable(each) for each in value.get("variables", ())),
        temperature=float(sampling.get("temperature", Template.temperature)),
        max_new_tokens=int(sampling.get("max_new_tokens", Template.max_new_tokens)),
        kept=kept,
    )
    _check(made)
    return made


def _variable(value: Mapping[str, Any]) -> Variable:
    name = value["name"]
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a variable (small letters, figures and _)")
    if strange := sorted(set(value) - {"name", "label", "sample", "long", "optional", "from"}):
        raise ValueError(f"{strange[0]} is not a part of the variable {name}")
    label = str(value.get("label") or name.replace("_", " ").capitalize())
    sample = str(value.get("sample", "")).strip("\n")
    origin = str(value.get("from", ""))
    if origin not in ("", DOCUMENTS):
        raise ValueError(f"{name} is from {origin}, and not from {DOCUMENTS}")
    return Variable(name, label, sample, bool(value.get("long")), bool(value.get("optional")), origin)


def _text(value: Mapping[str, Any], name: str) -> str:
    text = value[name]
    if not isinstance(text, str):
        raise TypeError(f"{name} is not text")
    return well_formed(text).strip("\n")


def _check(template: Template) -> None:
    if not template.title.strip() or not template.user.strip():
        raise ValueError("title and user may not be empty")
    if len(template.title) > LONGEST_NAME:
        raise ValueError(f"its title is longer than {LONGEST_NAME} characters")
    used = {name for text in (template.system, template.user) for _, name in parts(text) if name}
    names = [variable.name for variable in template.variables]
    if len(set(names)) < len(names):
        raise ValueError("a variable stands twice")
    if used - set(names):
        raise ValueError(f"{sorted(used - set(names))[0]} stands in its text and not among its variables")
    if set(names) - used:
        raise ValueError(f"the variable {sorted(set(names) - used)[0]} does not stand in its text")
    if not 0 <= template.temperature <= 2 or not 1 <= template.max_new_tokens <= 32768:
        raise ValueError("its temperature is not from 0 to 2, or its longest answer not from 1 to 32768")


# ---- a person's own ------------------------------------------------------------------------------------------------


def _personal() -> list[Template]:
    found = []
    for path in sorted(personal_folder().glob("*.json")):
        try:
            found.append(read(path, "person"))
        except WorkbenchError:
            log.exception("a template of a person's is left out")
    return found


def _of_project(store: Store) -> list[Template]:
    kept, found = store.setting(SETTING), []
    for id_, value in (kept if isinstance(kept, dict) else {}).items():
        try:
            found.append(checked(id_, value, "project"))
        except WorkbenchError:
            log.exception("a template of the project is left out")
    return found


def from_prompt(title: str, system: str, user: str, **fields: Any) -> Template:
    """A template of what a person typed: each {{name}} in it is a variable. Raises WorkbenchError when it has none."""
    names = dict.fromkeys(name for text in (system, user) for _, name in parts(text) if name)
    if not names:
        raise WorkbenchError("The prompt has no variable.", "Write {{name}} where something is to be filled in.")
    id_ = "-".join(re.findall(r"\w+", title.casefold())) or "own"
    value = {"title": title.strip(), "text": "", "system": system, "user": user, **fields}
    return checked(f"own-{id_}", value | {"variables": [{"name": name, "long": name == "text"} for name in names]})


def keep(template: Template, store: Store | None = None) -> Template:
    """Keep a person's own template: in the project, or without one in the folder of preferences.

    One with the same id is replaced. Raises WorkbenchError when it is the app's, or cannot be written.
    """
    if any(each.id == template.id for each in shipped()):
        raise WorkbenchError(f"{template.title} is the app's own.", "Choose another title.")
    if store is not None:
        kept = store.setting(SETTING)
        store.set_setting(SETTING, (kept if isinstance(kept, dict) else {}) | {template.id: template.to_json()})
        return dataclasses.replace(template, kept="project")
    from .exchange.writing import replacing

    try:
        personal_folder().mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkbenchError(f"{personal_folder()} cannot be made: {error.strerror}.", "Check your folder.") from error
    with replacing(personal_folder() / f"{template.id}.json") as path:
        path.write_text(json.dumps(template.to_json(), ensure_ascii=False, indent=2), encoding="utf-8")
    return dataclasses.replace(template, kept="person")


def forget(template: Template, store: Store | None = None) -> None:
    """Remove a person's own template; prompts that were made of it stay."""
    if template.kept == "project" and store is not None:
        kept = store.setting(SETTING) or {}
        store.set_setting(SETTING, {id_: value for id_, value in kept.items() if id_ != template.id})
    elif template.kept == "person":
        (personal_folder() / f"{template.id}.json").unlink(missing_ok=True)
