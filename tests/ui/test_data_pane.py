"""The Data pane, driven by keys over a real project."""

import json
import subprocess
import sys

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QLabel

from workbench.store import Store
from workbench.store.exchange.importing import import_file
from workbench.ui.context import Context
from workbench.ui.data_exporting import exports
from workbench.ui.data_importing import samples
from workbench.ui.data_pane import DataPane
from workbench.ui.data_table import FEEDBACK, PAGES_KEPT, WHEN, WHO, EntriesModel, Filter
from workbench.ui.data_words import answer_text, said, when
from workbench.ui.feedback_text import RunsText
from workbench.ui.tables import CELL

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def fill(store):
    """One judgement of every kind, by two people, in two languages."""
    base = store.models.add(name="base", kind="base", source="local", location="/base")
    tuned = store.models.add(name="tuned", kind="adapter", source="run", location="/tuned", parent_id=base.id)

    def answered(text, tags, *answers, adapter=None):
        prompt, _ = store.prompts.add(text, system="Be brief.", tags=tags)
        made = [
            store.responses.add(
                prompt.id, each, model_id=base.id, adapter_id=adapter, sampler={"temperature": 0.8}, seed=17
            ).id
            for each in answers
        ]
        return prompt.id, made

    add = store.feedback.add
    mugs = answered("Two mugs arrived cracked", ["mail"], "I am sorry", "Please wait", "Oh no", "Noted")
    add("rating", *mugs, {"ratings": [2, 5, None, 1]}, annotator="you", seconds=24, comment="B says when")
    tea = answered("茶壶漏水怎么办", ["mail", "zh"], "我们会换新的", "请等待", adapter=tuned.id)
    add("comparison", *tea, {"choice": "b", "strength": 2}, annotator="Noor", blind=False)
    haiku = answered("A haiku about a kettle", ["writing"], "one", "two", "three", adapter=tuned.id)
    add("ranking", *haiku, {"order": [[1], [0, 2]]}, annotator="you", reasons=["Shorter"])
    code = answered("Sort a list", ["code"], "use sort now")
    add("edit", *code, {"of": 0, "text": "use sorted now"}, annotator="you")
    single = answered("One answer", ["code"], "alone")
    add("rating", *single, {"ratings": [4]}, annotator="Noor")
    add("skip", *single, {"kind": "edit"}, annotator="you")


@pytest.fixture
def store(tmp_path):
    result = Store.open(tmp_path / "project")
    fill(result)
    yield result
    result.close()


@pytest.fixture
def open_pane(shown):
    def build(store, width=1440):
        pane = DataPane(Context(store, "you"))
        pane.set_window_width(width)
        shown(pane, width - 72, 800)
        pane.first_focus().setFocus()
        return pane

    return build


@pytest.fixture
def pane(store, open_pane):
    return open_pane(store)


def rows(pane):
    return [pane.model.entry_at(place) for place in range(pane.model.rowCount())]


def kinds(pane):
    return [entry.kind for entry in rows(pane)]


def words(widget):
    # What was shown before is gone only after the event loop has run.
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QCoreApplication.processEvents()
    return [each.text() for each in widget.findChildren(QLabel) if not each.isHidden()]


def press(qtbot, pane, key, modifiers=Qt.KeyboardModifier.NoModifier):
    qtbot.keyClick(pane.window().focusWidget() or pane, key, modifiers)


# --- the list


def test_newest_first_without_what_was_skipped(pane):
    assert kinds(pane) == ["rating", "edit", "ranking", "comparison", "rating"]
    assert pane.total.text() == "5 of 6 judgements"
    assert pane.list.aside.isVisible()


def test_a_judgement_in_a_few_signs(pane):
    assert [said(entry) for entry in rows(pane)[2:]] == ["B > A = C", "B ≫ A", "A 2  B 5  C –  D 1"]
    cells = [pane.model.index(place, FEEDBACK).data(CELL) for place in range(5)]
    assert (cells[0].rating, cells[1].text) == (4, "Edited +1 −1")


def test_the_answer_shown_is_the_one_that_was_judged_best(pane):
    assert [answer_text(entry) for entry in rows(pane)] == ["alone", "use sorted now", "two", "请等待", "Please wait"]


def test_pages_are_read_when_they_are_needed(tmp_path, store, monkeypatch):
    prompt = store.prompts.list()[0]
    answer = store.responses.of_prompt(prompt.id)[0]
    with store.writing():
        for _ in range(420):
            store.feedback.add("rating", prompt.id, [answer.id], {"ratings": [3]}, annotator="you")
    model = EntriesModel(store)
    model.load(Filter(kinds=("rating",)))
    assert model.rowCount() == 422
    assert list(model._pages) == []
    assert model.entry_at(421).seq == 1
    assert list(model._pages) == [2]
    assert model.entry_at(422) is None
    assert len({model.entry_at(place).seq for place in range(422)}) == 422
    assert len(model._pages) <= PAGES_KEPT


def test_headers_sort(pane, qtbot):
    header = pane.table.horizontalHeader()
    header.sectionClicked.emit(WHEN)
    assert [entry.seq for entry in rows(pane)] == [1, 2, 3, 4, 5]
    header.sectionClicked.emit(WHO)
    assert [entry.annotator for entry in rows(pane)] == ["Noor", "Noor", "you", "you", "you"]
    assert pane.model.headerData(WHO, Qt.Orientation.Horizontal).endswith("↓")


def test_j_and_k_walk(pane, qtbot):
    press(qtbot, pane, Qt.Key.Key_J)
    assert pane.entry.entry.kind == "edit"
    press(qtbot, pane, Qt.Key.Key_K)
    assert pane.entry.entry.kind == "rating"


# --- facets and search


def test_facets_say_how_much_there_is(pane):
    panel = pane.facets
    assert {value: row.count.text() for value, row in panel.people.rows.items()} == {"you": "4", "Noor": "2"}
    assert set(panel.models.rows) == {"base", "tuned"}
    assert panel.tags.rows["mail"].count.text() == "2"


def test_a_facet_leaves_out_what_is_turned_off(pane, qtbot):
    pane.facets.people.rows["Noor"].box.click()
    qtbot.waitUntil(lambda: kinds(pane) == ["edit", "ranking", "rating"])
    pane.facets.models.rows["tuned"].box.click()
    qtbot.waitUntil(lambda: kinds(pane) == ["edit", "rating"])
    qtbot.mouseClick(pane.clear_action, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: pane.model.rowCount() == 6)


def test_a_tag_shows_only_its_own(pane, qtbot):
    pane.facets.tags.rows["mail"].box.click()
    qtbot.waitUntil(lambda: kinds(pane) == ["comparison", "rating"])


def test_all_of_a_facet_off_shows_nothing_and_says_so(pane, qtbot):
    for row in pane.facets.kinds.rows.values():
        row.box.setChecked(False)
    qtbot.waitUntil(pane.nothing.isVisible)
    assert pane.entry.entry is None


def test_the_chip_brings_skipped_ones_back(pane, qtbot):
    qtbot.mouseClick(pane.list.aside, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: kinds(pane)[0] == "skip")
    assert not pane.list.aside.isVisible()


@pytest.mark.parametrize(
    ("text", "found"),
    [("漏水", ["comparison"]), ("换", ["comparison"]), ("sorted", ["edit"]), ("says when", ["rating"]), ('"*%', [])],
)
def test_search_by_keys(pane, qtbot, text, found):
    press(qtbot, pane, Qt.Key.Key_Slash)
    assert pane.facets.search.hasFocus()
    if text.isascii():
        qtbot.keyClicks(pane.facets.search, text)
    else:
        pane.facets.search.insert(text)  # as an input method commits it
    qtbot.waitUntil(lambda: kinds(pane) == found)
    press(qtbot, pane, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: pane.model.rowCount() == 5)


def test_letters_are_text_in_the_search_field(pane, qtbot):
    pane.facets.search.setFocus()
    qtbot.keyClicks(pane.facets.search, "jk")
    assert pane.facets.search.text() == "jk"


def test_what_a_run_has_learned_from(pane, store, qtbot):
    run = store.runs.add(name="Reward model 1", method="reward", options={})
    ranking = store.feedback.list(kinds=["ranking"])[0]
    store.runs.freeze(run.id, [ranking.id], "hash")
    pane.visit({"run_id": run.id})
    assert kinds(pane) == ["ranking"]
    assert pane.list.chips["used_by"].text() == "Used by Reward model 1"
    assert "No run has learned from it." not in words(pane.entry)
    qtbot.mouseClick(pane.list.chips["used_by"], Qt.MouseButton.LeftButton)
    assert pane.model.rowCount() == 5


# --- the entry


def test_the_entry_tells_everything(pane, qtbot):
    for _ in range(4):
        press(qtbot, pane, Qt.Key.Key_J)
    qtbot.waitUntil(lambda: "Be brief." in words(pane.entry))
    shown = words(pane.entry)
    for expected in ("Be brief.", "5 of 5", "B says when", "24 s", "temperature 0.8, seed 17", "4 answers, blind"):
        assert expected in shown, expected
    assert "Judged" in shown


def test_an_edit_is_shown_as_its_changes(pane, qtbot):
    press(qtbot, pane, Qt.Key.Key_J)
    (changes,) = pane.entry.findChildren(RunsText)
    assert [run for run in changes._runs if run[0] != "plain"] == [("removed", "sort"), ("added", "sorted")]


# --- taking back


def test_delete_takes_back_and_control_z_puts_back(pane, store, qtbot):
    with qtbot.waitSignal(pane.context.message) as heard:
        press(qtbot, pane, Qt.Key.Key_Delete)
    assert heard.args[0] == "Took back 1 judgement."
    assert kinds(pane) == ["edit", "ranking", "comparison", "rating"]
    assert pane.entry.entry.kind == "edit"
    assert len(store.feedback.judgements()) == 4
    press(qtbot, pane, Qt.Key.Key_Z, CTRL)
    assert len(store.feedback.judgements()) == 5
    press(qtbot, pane, Qt.Key.Key_Z, CTRL | SHIFT)
    assert len(store.feedback.judgements()) == 4


def test_several_are_taken_back_at_once(pane, store, qtbot):
    press(qtbot, pane, Qt.Key.Key_Down, SHIFT)
    press(qtbot, pane, Qt.Key.Key_Down, SHIFT)
    press(qtbot, pane, Qt.Key.Key_Delete)
    assert kinds(pane) == ["comparison", "rating"]
    press(qtbot, pane, Qt.Key.Key_Z, CTRL)
    assert pane.model.rowCount() == 5


def test_what_was_taken_back_can_be_seen_and_put_back(pane, store, qtbot):
    press(qtbot, pane, Qt.Key.Key_Delete)
    pane.facets.gone.rows["gone"].box.click()
    qtbot.waitUntil(lambda: pane.model.rowCount() == 5)
    pane.table.setCurrentIndex(pane.model.index(0, 0))
    assert pane.model.index(0, FEEDBACK).data(CELL).text == "Taken back"
    qtbot.waitUntil(lambda: any(text.endswith(" taken back") for text in words(pane.entry)))
    press(qtbot, pane, Qt.Key.Key_Delete)
    assert len(store.feedback.judgements()) == 5


def test_other_peoples_changes_show_while_it_is_open(pane, store, qtbot):
    store.feedback.retract([rows(pane)[0].id], by=None)
    qtbot.waitUntil(lambda: pane.model.rowCount() == 4)


# --- in


def look(pane, qtbot, path):
    pane.import_path(path)
    dialog = pane.import_dialog
    qtbot.waitUntil(lambda: bool(dialog.report) or dialog.problem.isVisible(), timeout=20_000)
    return dialog


def test_import_shows_first_and_writes_then(pane, store, qtbot):
    before = store.feedback.counts()
    dialog = look(pane, qtbot, samples())
    assert "40 judgements" in dialog.summary.text()
    assert dialog._rows_model.rowCount() == 20
    assert store.feedback.counts() == before
    with qtbot.waitSignal(pane.context.message, timeout=20_000) as heard:
        qtbot.keyClick(dialog, Qt.Key.Key_Return)
    assert "40 judgements" in heard.args[0]
    assert sum(store.feedback.counts().values()) == sum(before.values()) + 40
    qtbot.waitUntil(lambda: pane.model.rowCount() == 45)
    again = look(pane, qtbot, samples())
    assert again.summary.text() == "Adds nothing new"
    assert not again.go.isEnabled()
    again.reject()


def test_rows_that_cannot_be_read_are_listed_with_the_reason(pane, qtbot, tmp_path):
    path = tmp_path / "some.jsonl"
    good = {"kind": "rating", "prompt": "New", "answers": ["a"], "value": {"ratings": [3]}, "annotator": "z"}
    bad = good | {"value": {"ratings": [9]}}
    path.write_text(json.dumps(good) + "\n" + json.dumps(bad) + "\n")
    dialog = look(pane, qtbot, path)
    assert dialog.note.text().endswith("1 row is left out.")
    assert dialog._rows_model.rowCount() == 1
    qtbot.mouseClick(dialog.switch.button("out"), Qt.MouseButton.LeftButton)
    assert dialog.left_out.isVisible()
    row = dialog._out_model.row_at(0)
    assert row["row"] == 2
    assert "1 to 5" in row["reason"]
    dialog.reject()


def test_a_broken_file_writes_nothing_and_says_why(pane, store, qtbot, tmp_path):
    path = tmp_path / "broken.jsonl"
    path.write_bytes(b'{"kind": "rating", "prompt": \xff\xfe')
    before = store.value("SELECT COUNT(*) FROM prompts")
    dialog = look(pane, qtbot, path)
    assert dialog.problem.isVisible()
    assert "Nothing was written" in dialog.summary.text()
    assert not dialog.go.isEnabled()
    assert store.value("SELECT COUNT(*) FROM prompts") == before
    dialog.reject()


def test_an_empty_project_offers_the_samples(tmp_path, open_pane, qtbot):
    store = Store.open(tmp_path / "empty")
    pane = open_pane(store)
    assert pane.empty.sentence.text() == "Your ratings will be here."
    qtbot.mouseClick(pane.empty.link, Qt.MouseButton.LeftButton)
    dialog = pane.import_dialog
    qtbot.waitUntil(lambda: dialog.go.isEnabled(), timeout=20_000)
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: pane.model.rowCount() == 40, timeout=20_000)
    pane.close()
    store.close()


# --- out


@pytest.mark.parametrize(("number", "expected"), [(1, 7), (2, 2), (3, 6)])
def test_export(pane, qtbot, tmp_path, number, expected):
    export = exports()[number]
    path = tmp_path / export.file_name
    with qtbot.waitSignal(pane.context.message, timeout=20_000) as heard:
        pane.export_to(export, path)
    assert heard.args[0].startswith(f"Wrote {expected} rows to ")
    assert len(path.read_text("utf-8").splitlines()) == expected + (1 if path.suffix == ".csv" else 0)


def test_everything_goes_out_and_in_again(pane, store, qtbot, tmp_path):
    path = tmp_path / "all.jsonl"
    with qtbot.waitSignal(pane.context.message, timeout=20_000):
        pane.export_to(exports()[0], path)
    other = Store.open(tmp_path / "other")
    assert import_file(other, path).format == "project"
    assert other.feedback.counts() == store.feedback.counts()
    other.close()


def test_an_export_that_cannot_be_written_says_so(pane, qtbot, tmp_path):
    with qtbot.waitSignal(pane.context.message, timeout=20_000) as heard:
        pane.export_to(exports()[3], tmp_path / "missing" / "x.csv")
    assert heard.args[2] == "bad"


# --- quality


def test_the_report_is_shown_with_verdicts_as_titles(pane, store, qtbot):
    prompt = store.prompts.list()[0]
    with store.writing():
        for number in range(30):
            made = store.responses.add(prompt.id, f"answer {number}")
            for who in ("you", "Noor"):
                store.feedback.add("rating", prompt.id, [made.id], {"ratings": [1 + number % 5]}, annotator=who)
    qtbot.mouseClick(pane.modes.button("quality"), Qt.MouseButton.LeftButton)
    card = pane.quality.cards["people"]
    qtbot.waitUntil(lambda: card.title.text() == "People agree", timeout=20_000)
    assert card.number.text() == "α = 1.0"
    assert not pane.quality.cards["position"].isVisible()
    assert "too few to tell" in pane.quality.unknown.facts.fact("Position")
    assert not pane.facets.isVisible()
    pane.visit({"run_id": store.runs.add(name="r", method="reward", options={}).id})
    assert pane.facets.isVisible()


# --- the window


def test_a_narrow_window_drops_columns(store, open_pane):
    pane = open_pane(store, width=1280)
    assert pane.table.isColumnHidden(WHO)
    assert not pane.entry.isVisible()


def test_the_file_and_its_size_are_named(pane, store):
    assert str(store.folder / "project.db") in pane.place.text()
    assert pane.place.text().endswith("B")


def test_times_of_today_are_short():
    from datetime import UTC, datetime

    today = datetime.now(UTC)
    assert ":" in when(today.isoformat())
    assert ":" not in when("2020-01-31T12:00:00+00:00")
    assert "2020" in when("2020-01-31T12:00:00+00:00")


def test_the_window_needs_no_torch():
    code = "import sys, workbench.ui.data_pane; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_a_rule_said_is_not_drawn_as_a_persons():
    from workbench.ui.data_words import tone_of

    assert tone_of("rule: brief and finished") == "text2"
    assert tone_of("you") == "human"
