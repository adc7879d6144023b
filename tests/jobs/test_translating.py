"""Whole documents: every paragraph once, the structure kept, a stop loses nothing, corrections reach it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.jobs import pages
from tests.store.test_word_files import kiln
from workbench.errors import WorkbenchError
from workbench.events import Failed, Finished, Progress, Stopped, Translated, Warned
from workbench.jobs import glossary, translating
from workbench.jobs.adding import add_model
from workbench.jobs.recording import record
from workbench.jobs.run import run as run_here
from workbench.jobs.running import events_of
from workbench.jobs.tasks import translate
from workbench.store import Store
from workbench.store.document_reading import read_document
from workbench.store.task_templates import find

FAST = {"device": "cpu", "dtype": "float32", "max_new_tokens": 3}


class Louder:
    """Translates into capitals, and remembers what it was asked."""

    device = ("CPU", "float32")

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, str] | None]] = []
        self.system = ""

    def write(self, template, values, before):
        self.asked.append((values["text"], before))
        self.system, user = template.filled(values)
        if "cannot" in values["text"]:
            return None
        said = "" if "nothing" in values["text"] else values["text"].upper()
        answer = {"text": said, "response_tokens": 3, "seconds": 0.1, "finish_reason": "stop"}
        return self.system, ({"role": "user", "content": user},), answer


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Louder:
    fake = Louder()
    monkeypatch.setattr(translate, "make_writer", lambda job, options: fake)
    return fake


@pytest.fixture
def store(tmp_path: Path, llama_folder: Path):
    store = Store.open(tmp_path / "project")
    add_model(store, str(llama_folder), "tiny")
    yield store
    store.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "notes.md"
    path.write_text("# The kiln\n\nIt is fired on Fridays.\n\n- Mugs\n- Mugs\n\nIt is blue.\n", encoding="utf-8")
    return path


def prepared(store: Store, file: Path, **fields):
    fields = {"model_id": store.models.find("tiny").id, "options": FAST} | fields
    return translating.prepare(store, file, fields.pop("target", "Shouting"), **fields)


def done_here(store: Store, prepared, stopping=lambda: False) -> list:
    """The events of a run in this process, each in the store before it is listed."""
    run, spec = prepared
    return list(record(store, run.id, run_here(spec, stopping)))


def test_twenty_pages_are_translated_with_their_structure(store: Store, tmp_path: Path, writer: Louder) -> None:
    text = pages.document(20)
    (tmp_path / "book.md").write_text(text, encoding="utf-8")
    events = done_here(store, prepared(store, tmp_path / "book.md"))
    made = (tmp_path / "book.shouting.md").read_text(encoding="utf-8")
    assert pages.outline(made) == pages.outline(text)
    assert "CHAPTER 7 OF THE" in made and "# do not translate 7" in made and "title: Handbook" in made
    asked = [paragraph for paragraph, _ in writer.asked]
    assert len(asked) == len(set(asked)) > 300
    assert all(paragraph.upper() in made for paragraph in asked)
    assert isinstance(events[-1], Finished)
    assert events[-1].summary["translated"] == len(asked) == store.responses.count() == store.prompts.count()
    assert [each.done for each in events if isinstance(each, Progress)][-1] == len(asked)


def test_a_run_that_stops_goes_on_and_translates_none_twice(store: Store, tmp_path: Path, writer: Louder) -> None:
    (tmp_path / "book.md").write_text(pages.document(4), encoding="utf-8")
    events = done_here(store, prepared(store, tmp_path / "book.md"), lambda: len(writer.asked) >= 25)
    assert isinstance(events[-1], Stopped) and events[-1].summary == {"translated": 25}
    assert not (tmp_path / "book.shouting.md").exists()
    events = done_here(store, prepared(store, tmp_path / "book.md"))
    asked = [paragraph for paragraph, _ in writer.asked]
    assert len(asked) == len(set(asked)) == store.responses.count()
    assert events[-1].summary["earlier"] == 25
    assert pages.outline((tmp_path / "book.shouting.md").read_text()) == pages.outline(pages.document(4))


def test_a_killed_child_has_kept_what_was_done(store: Store, tmp_path: Path) -> None:
    """With a tiny model in a process of its own, ended without a word."""
    (tmp_path / "book.md").write_text("\n\n".join(pages.sentence(n, 6) for n in range(40)), encoding="utf-8")
    run, spec = prepared(store, tmp_path / "book.md", options=FAST | {"context": False})
    held: list = []
    for event in events_of(store, run, spec, held.append):
        if isinstance(event, Translated) and store.responses.count() == 5:
            held[0].kill()
    assert isinstance(event, Failed) and store.runs.find(run.id).status == "failed"
    kept = store.responses.count()
    assert kept >= 5
    events = done_here(store, prepared(store, tmp_path / "book.md", options=FAST | {"context": False}))
    assert events[-1].summary == {
        "out": str(tmp_path / "book.shouting.md"), "paragraphs": 40, "translated": 40 - events[-1].summary["earlier"]
        - events[-1].summary["left"], "earlier": events[-1].summary["earlier"], "left": events[-1].summary["left"],
        "terms_unused": [], "hash": events[-1].summary["hash"],
    }  # fmt: skip
    assert events[-1].summary["earlier"] == sum(1 for text in texts_of(store, kept) if text.strip())
    prompts = [row["prompt_id"] for row in store.rows("SELECT prompt_id FROM responses")]
    assert len(prompts) == len(set(prompts))


def texts_of(store: Store, first: int) -> list[str]:
    return [row["text"] for row in store.rows("SELECT text FROM responses ORDER BY rowid LIMIT ?", [first])]


def test_each_pair_waits_in_feedback_and_a_correction_reaches_the_file(
    store: Store, file: Path, writer: Louder
) -> None:
    done_here(store, prepared(store, file))
    (prompt,) = [each for each in store.prompts.list() if each.text.endswith("\n\nIt is blue.")]
    assert prompt.tags == ("translation", "document", "notes.md")
    filling = store.fillings.of(prompt.id)
    assert filling is not None and filling.template == translate.TEMPLATE and filling.variables["target"] == "Shouting"
    (answer,) = store.responses.of_prompt(prompt.id)
    assert answer.queued and answer.model_id == store.models.find("tiny").id and answer.run_id
    edit = {"of": 0, "text": "Blau ist es.", "pair": True, "demonstration": True}
    store.feedback.add("edit", prompt.id, [answer.id], edit, annotator="you")
    asked = len(writer.asked)
    done_here(store, prepared(store, file))
    made = file.with_name("notes.shouting.md").read_text()
    assert made == "# THE KILN\n\nIT IS FIRED ON FRIDAYS.\n\n- MUGS\n- MUGS\n\nBlau ist es.\n"
    assert len(writer.asked) == asked
    done_here(store, prepared(store, file, overwrite=True, anew=True))
    assert len(writer.asked) == 2 * asked


def test_another_model_or_language_translates_for_itself(
    store: Store, file: Path, writer: Louder, gpt2_folder: Path
) -> None:
    done_here(store, prepared(store, file))
    add_model(store, str(gpt2_folder), "other")
    asked = len(writer.asked)
    done_here(store, prepared(store, file, model_id=store.models.find("other").id, out=file.with_name("b.md")))
    assert len(writer.asked) == 2 * asked
    done_here(store, prepared(store, file, target="Whispering"))
    assert len(writer.asked) == 3 * asked
    assert done_here(store, prepared(store, file, overwrite=True))[-1].summary["earlier"] == asked


def test_the_paragraph_before_is_shown_with_its_translation(store: Store, file: Path, writer: Louder) -> None:
    done_here(store, prepared(store, file))
    assert dict(writer.asked)["It is blue."] == ("Mugs", "MUGS")
    assert dict(writer.asked)["The kiln"] is None
    writer.asked.clear()
    done_here(store, prepared(store, file, overwrite=True, anew=True, options=FAST | {"context": False}))
    assert {before for _, before in writer.asked} == {None}


def test_terms_that_stand_in_a_paragraph_are_asked_for_and_told_when_unused(
    store: Store, file: Path, writer: Louder, tmp_path: Path
) -> None:
    (tmp_path / "terms.csv").write_text("source,target\nkiln,Ofen\nblue,BLUE\nFriday,Freitag\n")
    events = done_here(store, prepared(store, file, terms_file=tmp_path / "terms.csv"))
    assert events[-1].summary["terms_unused"] == [{"source": "kiln", "target": "Ofen", "text": "The kiln"}]
    asked = {prompt.text.split("\n\n")[1]: prompt.text for prompt in store.prompts.list()}
    assert "Use these terms: blue = BLUE." in asked["It is blue."]
    assert "terms" not in asked["Mugs"]
    assert "Freitag" not in asked["It is fired on Fridays."]


def test_what_cannot_be_translated_stays_and_is_told(store: Store, tmp_path: Path, writer: Louder) -> None:
    (tmp_path / "a.md").write_text("This cannot be.\n\nSay nothing.\n\nFine.\n")
    events = done_here(store, prepared(store, tmp_path / "a.md"))
    assert (tmp_path / "a.shouting.md").read_text() == "This cannot be.\n\nSay nothing.\n\nFINE.\n"
    assert [each.text.split(". ")[-1] for each in events if isinstance(each, Warned)] == [
        "It is too long for this model.", "The model wrote nothing.",
    ]  # fmt: skip
    assert events[-1].summary["left"] == 2 and store.responses.count() == 1


def test_a_real_writer_leaves_context_out_where_it_does_not_fit(store: Store, file: Path) -> None:
    _, spec = prepared(store, file)
    writer = translate.Writer(spec.model, translate.Options(**spec.options), type("Job", (), {"check": lambda: None}))
    template = find(translate.TEMPLATE)
    values = {"text": "Hello.", "source": "English", "target": "French", "terms": ""}
    assert [turn["role"] for turn in writer.write(template, values, ("a", "b"))[1]] == ["user", "assistant", "user"]
    assert len(writer.write(template, values, ("a" * 400, "b"))[1]) == 1  # of 512 tokens
    assert writer.write(template, values | {"text": "a" * 800}, None) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"target": " "}, "language to translate into is missing"),
        ({"out": "notes.md"}, "would replace the document"),
        ({"out": "there.md"}, "is there already"),
        ({"out": "gone/a.md"}, "no folder"),
        ({"terms_file": "there.md"}, "no two words"),
    ],
)
def test_what_cannot_begin_is_refused_before_anything_is_written(
    store: Store, file: Path, change: dict, told: str
) -> None:
    file.with_name("there.md").write_text("one word\n")
    change = {name: value if name == "target" else file.parent / value for name, value in change.items()}
    with pytest.raises(WorkbenchError, match=told):
        prepared(store, file, **change)
    assert store.runs.list() == []


def test_a_file_without_words_is_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("```\ncode\n```\n\n2026\n")
    with pytest.raises(WorkbenchError, match="nothing to translate"):
        prepared(store, tmp_path / "a.md")


def test_a_damaged_plan_is_told(tmp_path: Path) -> None:
    (tmp_path / translate.PLAN).write_text(json.dumps({"parts": [{"x": 1}]}))
    with pytest.raises(WorkbenchError, match="Translate it again"):
        translate.Plan.read(tmp_path)


# ---- glossaries ----


def test_glossaries_are_read_with_any_separator(tmp_path: Path) -> None:
    for name, text in (("a.csv", "Source,Target\nkiln,Ofen\n"), ("b.tsv", "kiln\tOfen\n"), ("c.csv", "kiln;Ofen\n\n")):
        (tmp_path / name).write_text(text)
        assert glossary.read(tmp_path / name) == [glossary.Term("kiln", "Ofen")]
    (tmp_path / "empty.csv").write_text("source,target\n")
    with pytest.raises(WorkbenchError, match="0 terms"):
        glossary.read(tmp_path / "empty.csv")


def test_a_term_is_a_whole_word_and_its_translation_may_have_an_ending() -> None:
    terms = [glossary.Term("mug", "Becher"), glossary.Term("陶土", "clay")]
    assert glossary.occurring("A Mug of 陶土水", terms) == terms
    assert glossary.occurring("smug mugs", terms) == []
    assert glossary.missed("Bechern und Clays", terms) == []


def test_stopping_is_heard_between_paragraphs(store: Store, file: Path, writer: Louder) -> None:
    def stopping() -> bool:
        return len(writer.asked) == 1

    events = done_here(store, prepared(store, file), stopping)
    assert isinstance(events[-1], Stopped) and store.responses.count() == 1


def test_a_word_document_is_written_back_as_one(store: Store, tmp_path: Path, writer: Louder) -> None:
    file = kiln(tmp_path / "kiln.docx")
    text = read_document(file)
    made = prepared(store, file)
    file.unlink()  # what is filled in is the document as it was
    events = done_here(store, made)
    assert isinstance(events[-1], Finished) and events[-1].summary["left"] == 0
    out = tmp_path / "kiln.shouting.docx"
    assert events[-1].summary["out"] == str(out)
    assert read_document(out) == text.upper()
    assert writer.asked[1] == ("It is fired on Fridays by the one who has the key. More.", ("The kiln", "THE KILN"))
    assert ("Heat", None) in writer.asked  # a cell stands for itself
    kiln(file)
    assert done_here(store, prepared(store, file))[-1].summary["translated"] == 0  # and it is ours to replace
    with pytest.raises(WorkbenchError, match="is not written as"):
        prepared(store, file, out=tmp_path / "a.md")
