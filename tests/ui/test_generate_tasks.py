"""Generate: tasks with variables, tables, pasted prompts, documents with cited passages, whole translations."""

import csv
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QTextCursor
from PySide6.QtWidgets import QApplication, QMenu

from tests.ui.test_generate_pane import answer_all, control_enter, make, make_store, say  # noqa: F401
from workbench.events import Answer
from workbench.jobs.adding import add_model
from workbench.store import Store, bulk, saved_filters
from workbench.store.filtering import Filter as Rows
from workbench.store.task_templates import find
from workbench.ui.context import Context
from workbench.ui.generate_documents import DocumentsDialog
from workbench.ui.generate_pasting import PasteDialog
from workbench.ui.generate_prompts import Filter
from workbench.ui.generate_sources import SourcesView
from workbench.ui.generate_translating import TranslateDialog
from workbench.ui.theme import theme
from workbench.ui.widgets import label, wrapping

HOUSE = "# Guests\n\nA guest may stay for three nights in a row."
KILN = "# Kiln\n\nThe kiln is fired on Fridays."


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "project")


@pytest.fixture
def pane(make, store):  # noqa: F811
    return make(store)


def choose(pane, qtbot, row, number=None):
    """Click a row of the tasks, and the entry of its menu."""
    qtbot.mouseClick(pane.more.tasks.rows[row], Qt.MouseButton.LeftButton)
    if number is not None:
        qtbot.waitUntil(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
        menu = QApplication.activePopupWidget()
        menu.actions()[number].trigger()
        menu.close()
        pane.window().activateWindow()  # without a screen nobody gives the focus back to it
        qtbot.waitUntil(pane.window().isActiveWindow)


def fill(pane, qtbot, **values):
    for name, text in values.items():
        field = pane.card.task.fields[name].field
        field.setFocus()
        field.selectAll()
        qtbot.keyClicks(field, text)


# --- tasks


def test_a_task_is_opened_filled_and_written_by_keys(pane, store, qtbot):
    choose(pane, qtbot, "write", 1)
    assert pane.card.task.isVisible() and pane.card.task.title.text() == "Poem"
    assert pane.columns.samplings()[0].temperature == find("write-poem").temperature
    assert pane.card.task.fields["form"].field.hasFocus()
    assert not pane.generate_action.isEnabled() or not pane.dock.generate.isEnabled()
    fill(pane, qtbot, form="a haiku", subject="tea")
    control_enter(pane, qtbot)
    (request,) = pane.context.session.requests
    prompt = store.prompts.find(request["prompt_id"])
    assert (prompt.text, prompt.tags, prompt.source) == ("Write a haiku about tea.", ("writing", "poem"), "task")
    filling = store.fillings.of(prompt.id)
    assert (filling.template, filling.variables) == ("write-poem", {"form": "a haiku", "subject": "tea"})
    answer_all(pane)
    assert len(pane.area.views[0].cards) == 4


def test_variables_stand_in_amber(pane, qtbot):
    choose(pane, qtbot, "write", 1)
    document = pane.card.task.text.document()
    place = document.toPlainText().index("Form")
    cursor = QTextCursor(document)
    cursor.setPosition(place + 1)
    assert cursor.charFormat().background().color() == theme().color("humanSoft")
    assert cursor.charFormat().foreground().color() == theme().color("humanText")
    cursor.setPosition(document.toPlainText().index("about") + 2)
    assert cursor.charFormat().foreground().color() == theme().color("text")


def test_what_was_typed_is_there_again_and_a_task_can_be_left(pane, store, qtbot):
    choose(pane, qtbot, "write", 1)
    fill(pane, qtbot, form="an ode")
    qtbot.mouseClick(pane.card.task.close_button, Qt.MouseButton.LeftButton)
    assert pane.card.writing.isVisible() and not pane.card.task.isVisible()
    choose(pane, qtbot, "write", 1)
    assert pane.card.task.values() == {"form": "an ode", "subject": ""}


def test_a_prompt_of_a_task_is_opened_in_its_task_again(pane, store, qtbot):
    choose(pane, qtbot, "write", 1)
    fill(pane, qtbot, form="a haiku", subject="tea")
    control_enter(pane, qtbot)
    answer_all(pane)
    qtbot.mouseClick(pane.card.task.close_button, Qt.MouseButton.LeftButton)
    pane.prompts.list.setCurrentIndex(pane.prompts.list.rows.index(-1))
    (made,) = [prompt.id for prompt in pane.prompts.list.rows.prompts]
    pane.prompts.list.choose(made)
    assert pane.card.task.isVisible() and pane.card.task.values()["subject"] == "tea"


def test_every_task_can_be_reached_without_the_list(pane, qtbot):
    pane.toggle_left()
    pane.prompts.list.setFocus()
    pane.more.start_action.trigger()
    menu = QApplication.activePopupWidget()
    titles = [action.text() for action in menu.actions()]
    assert "Poem" in titles and "Paragraph of a document" not in titles
    menu.actions()[titles.index("Poem")].trigger()
    menu.close()
    assert pane.card.task.title.text() == "Poem"


def test_a_typed_prompt_is_kept_as_a_task(pane, store, qtbot):
    pane.more.keep_task("Toast", "Be brief.", "A toast to {{person}}")
    assert pane.card.task.template.kept == "project" and "own" in pane.more.tasks.rows
    told = []
    pane.context.message.connect(lambda text, hint, tone: told.append(text))
    pane.more.keep_task("Nothing", "", "No gaps")
    assert told == ["The prompt has no variable."]


def test_good_answers_are_put_before_the_question(pane, store, qtbot):
    choose(pane, qtbot, "write", 1)
    task = pane.card.task
    for number in range(40):
        made, _ = store.prompts.add(f"Write a poem about {number}.", tags=["writing"])
        given = store.responses.add(made.id, f"Poem {number}.")
        store.feedback.add("rating", made.id, [given.id], {"ratings": [5]}, annotator="you")
    fill(pane, qtbot, form="a haiku", subject="tea")
    task.examples.setValue(2)
    control_enter(pane, qtbot)
    prompt = store.prompts.find(pane.context.session.requests[0]["prompt_id"])
    assert [turn["role"] for turn in prompt.turns] == ["user", "assistant"] * 2 + ["user"]
    trained = {each.text for each in store.prompts.list(tag="writing", split="train")}
    assert {turn["content"] for turn in prompt.turns[:4:2]} <= trained


# --- tables


def write_table(folder: Path, rows: int) -> Path:
    path = folder / "rows.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["form", "subject"])
        writer.writerows([f"form {number}", f"subject {number}" if number else ""] for number in range(rows))
    return path


def test_a_table_is_stepped_through_and_added(pane, store, qtbot, tmp_path):
    choose(pane, qtbot, "write", 1)
    task, before = pane.card.task, store.prompts.count()
    task.open_table(write_table(tmp_path, 12))
    qtbot.waitUntil(lambda: task.table.isVisible())
    assert (task.place.text(), task.note.text(), task.before.isEnabled()) == ("1 of 12", "It has no subject.", False)
    for _ in range(2):
        qtbot.mouseClick(task.after, Qt.MouseButton.LeftButton)
    assert task.values() == {"form": "form 2", "subject": "subject 2"} and task.place.text() == "3 of 12"
    told = []
    pane.context.message.connect(lambda *words: told.append(words))
    assert task.all_button.text() == "Add all 11"
    qtbot.mouseClick(task.all_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(told))
    assert told == [("Added prompts: 11.", "Passed over: 1, the first of them row 2: It has no subject.", "good")]
    assert store.prompts.count() == before + 11
    names = [pane.prompts.filter.itemText(place) for place in range(pane.prompts.filter.count())]
    assert "Poem (11)" in names


def test_a_table_that_does_not_fit_is_told(pane, qtbot, tmp_path):
    choose(pane, qtbot, "mail")
    told = []
    pane.context.message.connect(lambda text, hint, tone: told.append(text))
    pane.card.task.open_table(write_table(tmp_path, 2))
    qtbot.waitUntil(lambda: bool(told))
    assert "no column called" in told[0] and not pane.card.task.table.isVisible()


# --- sets


def test_saved_filters_of_prompts_are_sets(pane, store):
    saved = saved_filters.save(store, "My code", Rows(tags=("code",)), "you", lists="prompts")
    pane.prompts.refresh()
    pane.prompts.set_filter(Filter("saved", saved.id))
    assert [prompt.tags for prompt in pane.prompts.list.rows.prompts] == [("code",)]
    bulk.tag(store, [store.prompts.list()[0].id], "code", "you")
    pane.prompts.refresh()
    assert len(pane.prompts.list.rows.prompts) == 2


def test_many_prompts_are_pasted_with_a_look_at_how_many(pane, store, qtbot):
    before = store.prompts.count()
    pane.prompts.list.setFocus()
    qtbot.keyClick(pane.window(), Qt.Key.Key_V)
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, PasteDialog) and not dialog.go.isEnabled()
    dialog.text.setPlainText("one\nmore of it\n\ntwo\nmore")
    assert (dialog.count.text(), dialog.parting.value()) == ("2 prompts", "blank lines")
    dialog.parting.pick("lines")
    assert dialog.count.text() == "4 prompts" and "and 1 more" in dialog.preview.text()
    qtbot.keyClicks(dialog.tag, "pasted set")
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    assert store.prompts.count() == before + 4 and store.prompts.tags()["pasted set"] == 4
    assert [prompt.text for prompt in pane.prompts.list.rows.prompts] == ["one", "more of it", "two", "more"]
    assert pane.answers.prompt.text == "one"


# --- documents


@pytest.fixture
def asked(store):
    for name, text in (("house.md", HOUSE), ("kiln.md", KILN), ("shop.txt", "The shop opens at ten.")):
        store.documents.add_text(name, text)
    return store


def test_a_question_over_three_documents_shows_the_passages_cited(pane, asked, qtbot):
    choose(pane, qtbot, "answer", 0)
    fill(pane, qtbot, question="When is the kiln fired?")
    qtbot.waitUntil(lambda: pane.dock.generate.isEnabled())
    assert pane.card.task.found.itemAt(0).widget().text().startswith("[1] kiln.md, Kiln: The kiln is fired")
    control_enter(pane, qtbot)
    (request,) = pane.context.session.requests
    prompt = asked.prompts.find(request["prompt_id"])
    assert prompt.text.startswith("[1] kiln.md, Kiln\nThe kiln is fired on Fridays.")
    assert asked.fillings.of(prompt.id).given[0]["document"] == "kiln.md"
    assert pane.prompts.list.rows.data(pane.prompts.list.rows.index(0)) == "When is the kiln fired?"
    for index, text in enumerate(["On Fridays [1], or [9].", "The kiln is fired on Fridays.", "Bananas are yellow."]):
        say(pane, Answer(prompt.id, text, 0, index, sampler=request["sampler"], seed=index))
    cards = list(pane.area.views[0].cards.values())
    views = [card.findChild(SourcesView) for card in cards]
    assert [[row.button.text() for row in view.rows] for view in views] == [["[1] kiln.md, Kiln"]] * 3
    said = [" ".join(each.text() for each in view.findChildren(type(label()))) for view in views]
    assert "[9] was not given to the model" in said[0]
    assert "Used, by words in common" in said[1] and "It was given" in said[2]
    qtbot.waitUntil(views[0].isVisible)
    qtbot.mouseClick(views[0].rows[0].button, Qt.MouseButton.LeftButton)
    assert views[0].rows[0].text.isVisible() and views[0].rows[0].text.plain() == "The kiln is fired on Fridays."
    pane.answers.show_prompt(pane.answers.prompt)
    assert len(pane.area.views[0].findChildren(SourcesView)) >= 3


def test_other_answers_have_no_sources(pane, store, qtbot):
    store.responses.add(store.prompts.list()[0].id, "Fine [1].", source="imported")
    pane.refresh()
    pane.answers.show_prompt(store.prompts.list()[0])
    assert pane.area.findChildren(SourcesView) == []


def test_documents_are_added_by_dropping_searched_and_removed(pane, store, qtbot, tmp_path):
    (tmp_path / "house.md").write_text(HOUSE)
    (tmp_path / "odd.xls").write_bytes(b"PK")
    pane.prompts.list.setFocus()
    qtbot.keyClick(pane.window(), Qt.Key.Key_D)
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, DocumentsDialog) and dialog.about.text() == "No documents yet."
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / name)) for name in ("house.md", "odd.xls")])
    drop = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                      Qt.KeyboardModifier.NoModifier)  # fmt: skip
    dialog.dropEvent(drop)
    qtbot.waitUntil(lambda: dialog.list.count() == 1)
    assert dialog.list.item(0).text() == "house.md   1 passage"
    assert dialog.about.text().startswith("Added: 1. odd.xls is of a kind that cannot be read.")
    qtbot.keyClicks(dialog.search, "nights")
    assert dialog.found.text().startswith("house.md, Guests: A guest may stay")
    dialog.list.setCurrentRow(0)
    dialog.list.setFocus()
    qtbot.keyClick(dialog.list, Qt.Key.Key_Delete)
    assert dialog.list.count() == 0 and store.documents.list() == []
    dialog.accept()


# --- translating


def test_a_document_is_translated_from_the_window(tmp_path, qtbot, llama_folder):
    store = Store.open(tmp_path / "project")
    add_model(store, str(llama_folder), "tiny")
    context = Context(store)
    dialog = TranslateDialog(context, store.models.list())
    qtbot.addWidget(dialog)
    dialog.show()
    (tmp_path / "book.md").write_text("# Kiln\n\nHot.\n")
    assert not dialog.go.isEnabled()
    qtbot.keyClicks(dialog.file, str(tmp_path / "gone.md"))
    qtbot.keyClicks(dialog.target, "French")
    assert dialog.out.text() == str(tmp_path / "gone.french.md")
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    assert "cannot be read" in dialog.about.text() and store.runs.list() == []
    dialog.file.setText(str(tmp_path / "book.md"))
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    assert dialog.busy and dialog.stop_button.isVisible() and not dialog.file.isEnabled()
    with qtbot.waitSignal(dialog.ended, timeout=120_000):
        pass
    assert dialog.about.text().startswith("2 paragraphs, ")
    assert (tmp_path / "book.french.md").read_text().startswith("# ")
    qtbot.waitUntil(lambda: not dialog.busy, timeout=60_000)
    assert dialog.open_button.isVisible() and dialog.go.isEnabled()
    assert {prompt.source for prompt in store.prompts.list()} <= {"translation"}
    dialog.close()
    context.close()
    store.close()


def test_fields_wrap_where_room_ends(shown):
    fields = [label(f"field {number} " + "x" * 10) for number in range(6)]
    widget = shown(wrapping(*fields), 300, 200)
    rows = len({field.y() for field in fields})
    assert rows > 1
    widget.resize(2000, 200)
    QApplication.processEvents()
    assert len({field.y() for field in fields}) == 1
    assert widget.heightForWidth(300) > widget.heightForWidth(2000)
