"""What the starter model makes of a question over documents, and of a short document. Skipped where it is not here."""

from __future__ import annotations

import pytest

from tests.test_real_model import FOUND
from workbench.events import Finished
from workbench.jobs import preparing, translating
from workbench.jobs.adding import add_model
from workbench.jobs.recording import record
from workbench.jobs.run import run as run_here
from workbench.store import Store, asking

pytestmark = [
    pytest.mark.real_model,
    pytest.mark.skipif(FOUND is None, reason="the starter is not here: workbench models fetch-starter"),
]
FAST = {"device": "cpu", "dtype": "float32"}


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "project")
    add_model(store, str(FOUND), "SmolLM2")
    yield store
    store.close()


def test_a_question_over_three_documents_is_answered_from_its_passage(store):
    store.documents.add_text("house.md", "# Guests\n\nA guest may stay for up to three nights in a row.")
    store.documents.add_text("kiln.md", "# Kiln\n\nThe big kiln is fired on Fridays at nine in the evening.")
    store.documents.add_text("shop.md", "# Shop\n\nThe shop sells mugs and plates. It opens at ten.")
    prompt, given = asking.ask(store, "On which day is the big kiln fired?", most=2)
    assert given[0].document == "kiln.md"
    options = {**FAST, "samples": 1, "temperature": 0.0, "max_new_tokens": 40}
    model_id = store.models.find("SmolLM2").id
    run, spec = preparing.prepare(store, "generate", options, model_id=model_id, prompt_ids=[prompt.id])
    list(record(store, run.id, run_here(spec)))
    (answer,) = store.responses.of_run(run.id)
    assert "Friday" in answer.text
    found = asking.sources_of(store, answer)
    passages = [each.passage for each in (*found.cited, *found.used) if each.passage]
    assert "kiln.md" in [passage.document for passage in passages]


def test_a_short_document_is_translated_with_its_structure(store, tmp_path):
    file = tmp_path / "notes.md"
    file.write_text("# The museum\n\nThe museum opens at ten.\n\n- Good morning.\n\n```\nx = 1\n```\n")
    model_id = store.models.find("SmolLM2").id
    run, spec = translating.prepare(store, file, "French", source="English", model_id=model_id, options=FAST)
    events = list(record(store, run.id, run_here(spec)))
    assert isinstance(events[-1], Finished) and events[-1].summary["left"] == 0
    made = (tmp_path / "notes.french.md").read_text().split("\n")
    assert made[0].startswith("# ") and made[4].startswith("- ") and made[6:9] == ["```", "x = 1", "```"]
    said = " ".join(made[2].lower().split())
    assert said != "the museum opens at ten." and any(word in said for word in (" est ", " le ", " la ", "à"))
