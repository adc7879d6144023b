"""Templates: every one that ships is whole, mistakes are told in words, and a person's own are kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench import paths
from workbench.errors import WorkbenchError
from workbench.methods import sft_tasks
from workbench.store import Store, task_templates
from workbench.store.task_templates import Template, Variable, checked, find, from_prompt, parts, shipped, templates

SHIPPED = shipped()
WHOLE = {"title": "Greeting", "text": "Greets.", "user": "Greet {{name}}.", "variables": [{"name": "name"}]}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("template", SHIPPED, ids=lambda template: template.id)
def test_every_template_that_ships_is_whole(template: Template) -> None:
    system, user = template.filled(template.samples())
    assert "{{" not in system + user
    assert template.title and template.text.endswith(".") and template.text.count(".") == 1
    assert template.tags
    assert (paths.resources() / "icons" / "lucide" / f"{template.icon}.svg").is_file()
    for variable in template.variables:
        assert variable.label and variable.sample, variable.name
        assert variable.sample.strip("\n") in system + user or variable.optional


def test_the_tasks_of_the_first_release_are_there() -> None:
    assert {template.group for template in SHIPPED} == {
        "write", "translate", "answer", "documents", "code", "mail", "summarise", "classify",
    }  # fmt: skip
    assert {"news", "story", "poem"} <= {tag for template in SHIPPED for tag in template.tags}
    assert find("Sentence").task == sft_tasks.TRANSLATION


def test_templates_are_packed_with_the_app() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert "resources/tasks" in project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"user": None}, "user is not text"),
        ({"user": "Greet {{who}}."}, "who stands in its text"),
        ({"user": "Greet."}, "name does not stand in its text"),
        ({"title": " "}, "may not be empty"),
        ({"colour": "red"}, "colour is not a part"),
        ({"variables": [{"name": "Name"}]}, "no name of a variable"),
        ({"variables": [{"name": "name", "width": 3}]}, "width is not a part"),
        ({"variables": [{"name": "name"}, {"name": "name"}]}, "stands twice"),
        ({"variables": [{"name": "name", "from": "the moon"}]}, "from the moon"),
        ({"sampling": {"temperature": 3}}, "temperature"),
        ({"sampling": {"max_new_tokens": "many"}}, "many"),
    ],
)
def test_a_mistake_in_a_template_is_told_in_words(change: dict, told: str) -> None:
    with pytest.raises(WorkbenchError, match=told):
        checked("greeting", WHOLE | change)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(WorkbenchError, match="title is missing"):
        checked("greeting", {key: value for key, value in WHOLE.items() if key != "title"})
    with pytest.raises(WorkbenchError, match="not a table"):
        checked("greeting", ["Greet"])


def test_a_value_is_put_in_as_it_is() -> None:
    template = Template("t", "T", "", "{{a}} and {{ b }}", variables=(Variable("a"), Variable("b")))
    assert template.filled({"a": "{{b}}", "b": "two\n"}) == ("", "{{b}} and two")
    assert parts(template.user) == [("", "a"), (" and ", ""), ("", "b")]
    with pytest.raises(WorkbenchError, match="no variable called c"):
        template.filled({"a": "1", "b": "2", "c": "3"})


def test_a_missing_value_is_told_by_its_label() -> None:
    with pytest.raises(WorkbenchError, match="Text: no value"):
        find("translate-sentence").filled({"source": "English", "target": "French", "text": " "})


def test_own_templates_are_kept_in_the_project_or_for_every_project(store: Store, home: Path) -> None:
    here = task_templates.keep(from_prompt("Ode", "", "An ode to {{thing}}"), store)
    everywhere = task_templates.keep(from_prompt("Haiku", "Be short.", "A haiku about {{text}}"))
    assert (here.kept, everywhere.kept) == ("project", "person")
    assert find("Ode", store).filled({"thing": "tea"}) == ("", "An ode to tea")
    assert find("own-haiku").variables[0].long
    assert {each.id for each in templates()} == {*(each.id for each in SHIPPED), "own-haiku"}
    task_templates.forget(here, store)
    task_templates.forget(everywhere)
    assert {each.id for each in templates(store)} == {each.id for each in SHIPPED}


def test_a_damaged_own_template_does_not_hide_the_others(home: Path, store: Store) -> None:
    folder = task_templates.personal_folder()
    folder.mkdir(parents=True)
    (folder / "own-torn.json").write_text("{")
    (folder / "own-fine.json").write_text(json.dumps(WHOLE))
    store.set_setting(task_templates.SETTING, {"own-odd": {"title": 3}})
    assert [each.id for each in templates(store) if each.kept != "app"] == ["own-fine"]


def test_the_apps_own_cannot_be_replaced() -> None:
    with pytest.raises(WorkbenchError, match="app's own"):
        task_templates.keep(find("write-poem"))
    with pytest.raises(WorkbenchError, match="no variable"):
        from_prompt("Plain", "", "No gaps here")
    with pytest.raises(WorkbenchError, match="no task called"):
        find("nonsense")
