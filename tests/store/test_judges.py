"""Judges' rows: who is one judge and who another, what is kept, and two projects that were apart."""

from __future__ import annotations

import pytest

from workbench.errors import WorkbenchError
from workbench.store import Store, connecting
from workbench.store.exchange.exporting import export_store
from workbench.store.exchange.importing import import_file
from workbench.store.records import Verdict
from workbench.store.schema import migrations


@pytest.fixture
def other(tmp_path):
    made = Store.open(tmp_path / "other")
    yield made
    made.close()


def judged(store, rubric="Kind.", url="http://one/v1", stars=4):
    """A judge that rated one answer, and said nothing of a second."""
    prompt, _ = store.prompts.add("hello")
    first, second = (store.responses.add(prompt.id, text, import_key=text) for text in ("one", "two"))
    judge = store.judges.add("m", "server", {"url": url, "model": "m"}, store.judges.add_rubric(rubric))
    store.judges.say(Verdict(judge.id, "rating", prompt.id, (first.id,), {"ratings": [stars]}, float(stars)))
    store.judges.say(Verdict(judge.id, "rating", prompt.id, (second.id,)))
    return judge


def test_a_judge_is_who_it_is_and_what_it_goes_by(store):
    judge = judged(store)
    assert judged(store).id == judge.id and len(store.judges.list()) == 1
    assert judged(store, rubric="Short.").id != judge.id
    assert judged(store, url="http://two/v1").name != judge.name  # the same name, but for its own mark
    assert len({each.name for each in store.judges.list()}) == 3
    assert [rubric.text for rubric in store.judges.rubrics()] == ["Kind.", "Short."]
    assert "," not in store.judges.add("a, b", "server", {}, store.judges.add_rubric("Kind.")).name


def test_what_was_said_first_stays_and_silence_is_no_judgement(store):
    judge = judged(store, stars=4)
    judged(store, stars=1)
    said = store.judges.verdicts(judge.id)
    assert [each.value for each in said] == [{"ratings": [4]}, None]
    assert len(store.judges.asked(judge.id)) == 2
    (judgement,) = store.judges.judgements([judge.name])
    assert (judgement.annotator, judgement.answers[0].text) == (judge.name, "one")
    assert store.judges.counts() == {judge.name: 1}


def test_a_verdict_that_is_none_is_refused(store):
    judge = judged(store)
    with pytest.raises(WorkbenchError, match="1 to 5"):
        store.judges.say(Verdict(judge.id, "rating", "p", ("x",), {"ratings": [9]}))
    with pytest.raises(WorkbenchError, match="empty"):
        store.judges.add_rubric("  ")
    with pytest.raises(WorkbenchError, match="no judge called"):
        store.judges.find("nobody")


def test_projects_that_were_apart_have_each_verdict_once_whichever_comes_first(store, other, tmp_path):
    first, second = judged(store, stars=4), judged(other, stars=2)
    judged(other, rubric="Short.")
    export_store(store, tmp_path / "one.jsonl", judges=True)
    export_store(other, tmp_path / "two.jsonl", judges=True)
    import_file(store, tmp_path / "two.jsonl")
    import_file(other, tmp_path / "one.jsonl")
    assert first.id == second.id
    for each in (store, other):
        assert [said.value for said in each.judges.verdicts(first.id)] == [{"ratings": [4]}, None]
        assert len(each.judges.list()) == 2
        assert not each.rows("PRAGMA foreign_key_check")
    assert import_file(store, tmp_path / "two.jsonl").changed == 0


def test_a_project_of_an_older_version_opens_with_no_judge(tmp_path):
    folder = tmp_path / "old"
    folder.mkdir()
    conn = connecting.dbapi.connect(str(folder / "project.db"))
    conn.execute(f"PRAGMA application_id = {connecting.APPLICATION_ID}")
    migrations.apply(connecting.Database(conn, execute_plugins=False), stop_before="m010_judging")
    conn.close()
    opened = Store.open(folder)
    assert opened.judges.list() == [] and opened.judges.counts() == {}
    opened.close()
