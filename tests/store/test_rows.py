"""Prompts, answers, models, runs, settings, drafts: what goes in comes out."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.store import RunSample, Store
from workbench.store.exchange.importing import import_file
from workbench.store.prompts import MAX_TEXT, prompt_hash, split_of

# ---- prompts ----


def test_a_prompt_comes_back_as_it_was(store: Store) -> None:
    prompt, is_new = store.prompts.add("Hi", system="Be brief.", tags=["mail", "en"], source="typed")
    assert is_new
    assert store.prompts.find(prompt.id) == prompt
    assert prompt.messages == ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"})
    assert (prompt.text, prompt.tags, prompt.source) == ("Hi", ("mail", "en"), "typed")


def test_the_same_prompt_is_one_row(store: Store) -> None:
    first, _ = store.prompts.add("Hi", tags=["a"])
    second, is_new = store.prompts.add("Hi", tags=["b"])
    assert (second, is_new) == (first, False)
    assert store.prompts.count() == 1


def test_a_system_text_makes_it_another_prompt(store: Store) -> None:
    assert store.prompts.add("Hi")[0].hash != store.prompts.add("Hi", system="Be brief.")[0].hash


def test_turns_are_kept_and_the_last_one_is_the_text(store: Store) -> None:
    turns = [{"role": role, "content": role * 2} for role in ("user", "assistant", "user")]
    prompt, _ = store.prompts.add(turns=turns)
    assert list(store.prompts.find(prompt.id).turns) == turns
    assert prompt.text == "useruser"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "empty"),
        (" \n", "empty"),
        (None, "missing"),
        (7, "a number"),
        (True, "a boolean"),
        ([], "a list"),
        ({}, "an object"),
        (b"x", "a bytes"),
        ("x" * (MAX_TEXT + 1), "10 million"),
    ],
)
def test_what_is_no_prompt_is_refused(store: Store, text: object, sentence: str) -> None:
    with pytest.raises(WorkbenchError, match=sentence):
        store.prompts.add(text)  # type: ignore[arg-type]
    assert store.prompts.count() == 0


def test_the_hash_is_the_same_on_every_computer() -> None:
    digest = prompt_hash("", [{"role": "user", "content": "Hi 你好"}])
    assert digest == "8f0f2866a6f38b48f05be5e2c9262a39c6780cf72eaba14d70d188a2d3f7fd0c"
    assert split_of("00000000" + "f" * 56) == "held_out"
    assert split_of("33333332" + "f" * 56) == "held_out"
    assert split_of("33333334" + "0" * 56) == "train"


def test_all_turns_of_a_conversation_are_on_one_side_however_they_come(store: Store, tmp_path: Path) -> None:
    begins = [
        [{"role": "user", "content": f"Where is kettle {number}?"}, {"role": "assistant", "content": "Here."}]
        for number in range(30)
    ]
    file = tmp_path / "talk.jsonl"
    cup = [{"role": "user", "content": "And the cup?"}, {"role": "assistant", "content": "There."}]
    file.write_text("\n".join(json.dumps({"messages": [*begin, *cup]}) for begin in begins), encoding="utf-8")
    import_file(store, file)
    for begin in begins:
        store.prompts.add(turns=begin[:1])
        store.prompts.add(turns=[*begin, {"role": "user", "content": "And the tea?"}])
    sides: dict[str, set[str]] = {}
    for prompt in store.prompts.list():
        sides.setdefault(prompt.turns[0]["content"], set()).add(prompt.split)
    assert store.prompts.count() == 90
    assert {len(found) for found in sides.values()} == {1}
    assert {split for found in sides.values() for split in found} == {"train", "held_out"}


def test_about_a_fifth_is_held_out_and_stays_so() -> None:
    hashes = [prompt_hash("", [{"role": "user", "content": f"prompt {number}"}]) for number in range(2000)]
    held_out = {digest for digest in hashes if split_of(digest) == "held_out"}
    assert 0.17 < len(held_out) / len(hashes) < 0.23
    assert held_out < {digest for digest in hashes if split_of(digest, 0.5) == "held_out"}


def test_prompts_are_listed_by_split_and_tag(store: Store) -> None:
    added = [
        store.prompts.add(f"prompt {number}", tags=["even" if number % 2 == 0 else "odd"])[0] for number in range(40)
    ]
    assert store.prompts.list() == added
    assert store.prompts.list(limit=3) == added[:3]
    assert store.prompts.list(tag="odd") == added[1::2]
    assert {prompt.split for prompt in store.prompts.list(split="held_out")} == {"held_out"}
    assert store.prompts.count("train") + store.prompts.count("held_out") == 40
    assert store.prompts.tags() == {"even": 20, "odd": 20}
    assert store.prompts.by_hash(added[0].hash) == added[0]
    assert store.prompts.by_hash("0") is None


def test_an_unknown_prompt_or_answer_is_said_so(store: Store) -> None:
    for find in (store.prompts.find, store.responses.find):
        with pytest.raises(WorkbenchError, match="not in the project"):
            find("nobody")


# ---- responses ----


def test_an_answer_comes_back_with_what_made_it(store: Store) -> None:
    prompt, _ = store.prompts.add("Hi")
    answer = store.responses.add(
        prompt.id,
        "Hello.",
        sampler={"temperature": 0.8},
        seed=17,
        response_tokens=2,
        scores={"reward": 1.5},
        queued=False,
    )
    assert store.responses.find(answer.id) == answer
    assert answer.sampler == {"temperature": 0.8}
    assert not answer.queued


def test_an_empty_answer_is_an_answer(store: Store) -> None:
    prompt, _ = store.prompts.add("Hi")
    assert store.responses.add(prompt.id, "").text == ""
    assert store.responses.count() == 1


def test_an_answer_that_was_imported_before_is_returned(store: Store) -> None:
    prompt, _ = store.prompts.add("Hi")
    first = store.responses.add(prompt.id, "Hello.", import_key="k")
    assert store.responses.add(prompt.id, "Hello.", import_key="k") == first
    assert store.responses.count() == 1


def test_an_answer_to_nothing_is_a_bug_and_not_stored(store: Store) -> None:
    with pytest.raises(Exception, match="FOREIGN KEY"):
        store.responses.add("no such prompt", "Hello.")
    assert not store.db.conn.in_transaction
    assert store.responses.count() == 0


def test_answers_of_a_prompt_and_a_run_come_oldest_first(store: Store) -> None:
    prompt, _ = store.prompts.add("Hi")
    run = store.runs.add(name="batch", method="generate", options={})
    answers = [store.responses.add(prompt.id, str(number), run_id=run.id) for number in range(3)]
    assert store.responses.of_prompt(prompt.id) == answers
    assert store.responses.of_run(run.id) == answers


def test_answers_leave_and_enter_the_queue(store: Store) -> None:
    prompt, _ = store.prompts.add("Hi")
    answer = store.responses.add(prompt.id, "Hello.")
    for queued, waiting in ((False, 0), (False, 0), (True, 1)):
        store.responses.queue([answer.id], queued)
        assert store.responses.find(answer.id).queued is queued
        assert store.value("SELECT answers FROM queue") == waiting


# ---- models ----


def add_model(store: Store, name: str = "tiny", **fields: object):
    return store.models.add(**{"name": name, "kind": "base", "source": "local", "location": "/m"} | fields)


def test_lineage_goes_from_the_base_to_the_model(store: Store) -> None:
    base = add_model(store)
    first = add_model(store, "first", kind="adapter", location="/a", parent_id=base.id)
    second = add_model(store, "second", kind="adapter", location="/b", parent_id=first.id, info={"rank": 8})
    assert store.models.lineage(second) == [base, first, second]
    assert store.models.base_of(second) == base
    assert store.models.find("second").info == {"rank": 8}
    assert store.models.list("adapter") == [first, second]


def test_a_model_that_was_trained_whole_is_a_base_with_a_parent(store: Store) -> None:
    base = add_model(store)
    whole = add_model(store, "whole", location="/w", source="run", parent_id=base.id)
    adapter = add_model(store, "adapter", kind="adapter", location="/a", parent_id=whole.id)
    judge = add_model(store, "judge", kind="reward", location="/r")
    assert store.models.lineage(adapter) == [base, whole, adapter]
    assert [store.models.base_of(each) for each in (base, whole, adapter)] == [base, whole, whole]
    assert [store.models.reference_of(each) for each in (base, whole, adapter)] == [base, base, whole]
    assert store.models.base_of(judge) == judge  # a classifier without a base


def test_names_are_unique_and_the_same_place_is_one_model(store: Store) -> None:
    first = add_model(store)
    assert add_model(store) == first
    assert add_model(store, location="/other").name == "tiny (2)"
    assert add_model(store, location="/third").name == "tiny (3)"
    store.models.rename(first.id, "tiny (2)")
    assert store.models.find(first.id).name == "tiny (2) (2)"


def test_a_removed_model_is_hidden_but_still_known(store: Store) -> None:
    model = add_model(store)
    store.models.remove(model.id)
    assert store.models.list() == []
    assert store.models.find(model.id).removed_at
    with pytest.raises(WorkbenchError, match="no model called tiny"):
        store.models.find("tiny")
    store.models.restore(model.id)
    assert store.models.list() == [model]


def test_a_model_needs_a_name(store: Store) -> None:
    with pytest.raises(WorkbenchError, match="needs a name"):
        add_model(store, " ")


# ---- runs ----


def test_a_run_keeps_its_options_status_and_summary(store: Store) -> None:
    run = store.runs.add(name="ppo 1", method="ppo", options={"kl_coef": 0.05})
    store.runs.update(run.id, status="finished", summary={"reward": 1.0})
    found = store.runs.find("ppo 1")
    assert (found.status, found.options, found.summary) == ("finished", {"kl_coef": 0.05}, {"reward": 1.0})
    assert store.runs.list("ppo") == [found]
    assert store.runs.list("reward") == []
    with pytest.raises(WorkbenchError, match="no run called"):
        store.runs.find("ppo 2")


def test_an_unknown_status_is_not_stored(store: Store) -> None:
    run = store.runs.add(name="ppo", method="ppo", options={})
    with pytest.raises(Exception, match="CHECK"):
        store.runs.update(run.id, status="dreaming")
    assert store.runs.find(run.id).status == "waiting"


def test_curves_come_back_in_steps_and_a_repeated_step_is_replaced(store: Store) -> None:
    run = store.runs.add(name="ppo", method="ppo", options={})
    for step, kl in ((2, 0.2), (1, 0.1), (3, None), (2, 0.25)):
        store.runs.add_metrics(run.id, step, {"objective/kl": kl})
    assert store.runs.metrics(run.id) == {"objective/kl": [(1, 0.1), (2, 0.25), (3, None)]}
    assert store.runs.find(run.id).step == 3


def test_samples_come_newest_first(store: Store) -> None:
    run = store.runs.add(name="ppo", method="ppo", options={})
    samples = [RunSample(run.id, step, "Hi", f"Hello {step}", {"reward": 0.5}) for step in range(3)]
    for sample in samples:
        store.runs.add_sample(sample)
    assert store.runs.samples(run.id, limit=2) == samples[:0:-1]


def test_a_run_remembers_what_it_learned_from(store: Store, rate) -> None:
    judgements = [rate(1), rate(2), rate(3)]
    run = store.runs.add(name="reward", method="reward", options={})
    store.runs.freeze(run.id, [judgements[2].id, judgements[0].id], "abc")
    store.feedback.retract([judgements[0].id])
    assert [item.id for item in store.runs.feedback_of(run.id)] == [judgements[0].id, judgements[2].id]
    assert [item.id for item in store.runs.runs_of(judgements[2].id)] == [run.id]
    assert store.runs.runs_of(judgements[1].id) == []
    assert store.runs.find(run.id).data_hash == "abc"


def test_runs_whose_app_is_gone_are_interrupted(store: Store) -> None:
    mine, gone, waiting = (store.runs.add(name=name, method="ppo", options={}) for name in ("mine", "gone", "waiting"))
    store.runs.update(mine.id, status="running", pid=os.getpid())
    store.runs.update(gone.id, status="running", pid=2**22 + 1)
    assert [run.id for run in store.runs.interrupt_orphans()] == [gone.id]
    found = store.runs.find(gone.id)
    assert (found.status, bool(found.error), bool(found.ended_at)) == ("interrupted", True, True)
    assert store.runs.find(mine.id).status == "running"
    assert store.runs.find(waiting.id).status == "waiting"
    assert store.runs.interrupt_orphans() == []


# ---- settings and drafts ----


def test_settings_and_drafts_survive_a_restart(store: Store) -> None:
    assert store.setting("rules", {"gap": 1}) == {"gap": 1}
    store.set_setting("rules", {"gap": 2, "word": "你好"})
    store.set_draft("edit:1", "half a sen")
    store.set_draft("edit:2", "x")
    store.set_draft("edit:2", "")
    store.close()
    again = Store.open(store.folder)
    assert again.setting("rules") == {"gap": 2, "word": "你好"}
    assert (again.draft("edit:1"), again.draft("edit:2")) == ("half a sen", "")
    assert again.value("SELECT COUNT(*) FROM drafts") == 1
    again.close()


def test_a_project_that_was_moved_finds_its_own_models(tmp_path):
    import shutil

    from workbench.store import Store

    before = Store.open(tmp_path / "before")
    folder = before.runs_folder / "run" / "adapter"
    folder.mkdir(parents=True)
    inside = before.models.add(name="inside", kind="adapter", source="run", location=str(folder))
    outside = before.models.add(name="outside", kind="base", source="local", location=str(tmp_path / "elsewhere"))
    assert before.models.add(name="again", kind="adapter", source="run", location=str(folder)).id == inside.id
    assert before.models.find(inside.id).location == str(folder)
    before.close()
    shutil.move(tmp_path / "before", tmp_path / "after")
    after = Store.open(tmp_path / "after")
    assert after.models.find(inside.id).location == str(tmp_path / "after" / "runs" / "run" / "adapter")
    assert after.models.find(outside.id).location == str(tmp_path / "elsewhere")
    after.close()
