"""Prompts made of templates: what they were made of is kept, tables make many, examples come from good answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.store import Store
from workbench.store.filling import best_examples, fill, fill_rows, table_rows
from workbench.store.task_templates import find

SENTENCE = find("translate-sentence")
VALUES = {"text": "Good morning.", "source": "English", "target": "Spanish"}


def test_a_filled_template_is_a_prompt_that_knows_what_it_was_made_of(store: Store) -> None:
    prompt, new = fill(store, SENTENCE, VALUES)
    assert new and prompt.tags == ("translation",) and prompt.system.startswith("You translate")
    assert prompt.text == "Translate from English to Spanish:\n\nGood morning."
    filling = store.fillings.of(prompt.id)
    assert filling is not None and (filling.template, filling.variables) == ("translate-sentence", VALUES)
    again, new = fill(store, SENTENCE, VALUES)
    assert (again.id, new) == (prompt.id, False)
    assert [each.prompt_id for each in store.fillings.of_template("translate-sentence")] == [prompt.id]
    assert store.fillings.counts() == {"translate-sentence": 1}


def write_csv(folder: Path, text: str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


TABLE = 'Text,SOURCE,target,note\n"Good, morning.",English,Spanish,x\nGood night.,English,French,\n,English,French,\n'


def test_a_table_makes_a_prompt_of_each_row(store: Store, tmp_path: Path) -> None:
    rows = table_rows(SENTENCE, write_csv(tmp_path, TABLE))
    dry = fill_rows(store, SENTENCE, rows, dry_run=True)
    assert (dry.added, dry.refused, store.prompts.count()) == (2, 1, 0)
    report = fill_rows(store, SENTENCE, rows)
    assert (report.rows, report.added, report.already_there) == (3, 2, 0)
    assert report.skipped == [{"row": 4, "reason": "It has no text."}]
    assert [prompt.text.splitlines()[-1] for prompt in store.prompts.list()] == ["Good, morning.", "Good night."]
    again = fill_rows(store, SENTENCE, rows)
    assert (again.added, again.already_there, again.prompt_ids) == (0, 2, report.prompt_ids)


def test_a_dry_run_says_what_the_run_does_of_repeated_rows(store: Store, tmp_path: Path) -> None:
    rows = table_rows(SENTENCE, write_csv(tmp_path, "text,source,target\n" + "a,b,c\n" * 3))
    dry, done = fill_rows(store, SENTENCE, rows, dry_run=True), fill_rows(store, SENTENCE, rows)
    assert (dry.added, dry.already_there) == (done.added, done.already_there) == (1, 2)


def test_jsonl_with_numbers_and_odd_cells(store: Store, tmp_path: Path) -> None:
    lines = [VALUES, VALUES | {"text": 7}, VALUES | {"text": ["x"]}]
    rows = table_rows(SENTENCE, write_csv(tmp_path, "".join(json.dumps(line) + "\n" for line in lines), "rows.jsonl"))
    assert [row.values.get("text") for row in rows] == ["Good morning.", "7", None]
    assert "neither text nor a number" in rows[2].problem


@pytest.mark.parametrize(
    ("text", "told"), [("text,source\na,b\n", "no column called target"), ("text,source,target\n", "is empty")]
)
def test_a_table_that_cannot_fill_is_refused(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(WorkbenchError, match=told):
        table_rows(SENTENCE, write_csv(tmp_path, text))
    with pytest.raises(WorkbenchError, match="no columns"):
        table_rows(SENTENCE, write_csv(tmp_path, "a line", "lines.txt"))


def test_what_documents_fill_is_not_filled_from_a_table(store: Store) -> None:
    with pytest.raises(WorkbenchError, match="from documents"):
        fill_rows(store, find("answer-documents"), [])


# ---- examples ----


def judged(store: Store, number: int, stars: int, split: str = "train") -> str:
    """A translation with an answer of so many stars."""
    while True:
        prompt, _ = fill(store, SENTENCE, VALUES | {"text": f"Sentence {number}."})
        if prompt.split == split:
            break
        number += 1000
    answer = store.responses.add(prompt.id, f"Frase {number}.")
    store.feedback.add("rating", prompt.id, [answer.id], {"ratings": [stars]}, annotator="you")
    return prompt.id


def test_examples_are_the_best_answers_of_the_task_and_never_held_out(store: Store) -> None:
    held_out = judged(store, 1, 5, "held_out")
    poor, fine, best = judged(store, 2, 3), judged(store, 3, 4), judged(store, 4, 5)
    other, _ = store.prompts.add("What is two and two?", tags=["question"])
    store.feedback.add("rating", other.id, [store.responses.add(other.id, "4").id], {"ratings": [5]}, annotator="you")
    assert [each.prompt_id for each in best_examples(store, SENTENCE, 5)] == [best, fine]
    assert not {held_out, poor} & {each.prompt_id for each in best_examples(store, SENTENCE, 5)}


def test_what_a_person_wrote_comes_before_what_was_rated(store: Store) -> None:
    judged(store, 1, 5)
    edited = judged(store, 2, 2)
    answer = store.responses.of_prompt(edited)[0]
    value = {"of": 0, "text": "Frase corregida.", "pair": True, "demonstration": True}
    store.feedback.add("edit", edited, [answer.id], value, annotator="you")
    (first,) = best_examples(store, SENTENCE, 1)
    assert (first.prompt_id, first.answer) == (edited, "Frase corregida.")


def test_the_seed_decides_among_equals(store: Store) -> None:
    for number in range(12):
        judged(store, number, 5)
    chosen = [[each.prompt_id for each in best_examples(store, SENTENCE, 3, seed)] for seed in range(8)]
    assert chosen == [[each.prompt_id for each in best_examples(store, SENTENCE, 3, seed)] for seed in range(8)]
    assert len({tuple(each) for each in chosen}) > 1


def test_examples_stand_before_the_question_as_turns(store: Store) -> None:
    judged(store, 1, 5)
    prompt, _ = fill(store, SENTENCE, VALUES, examples=best_examples(store, SENTENCE, 2))
    assert [turn["role"] for turn in prompt.turns] == ["user", "assistant", "user"]
    assert prompt.turns[1]["content"].startswith("Frase")
    assert prompt.text.endswith("Good morning.")


def test_the_answer_to_the_same_question_is_no_example(store: Store) -> None:
    known = store.prompts.find(judged(store, 1, 5))
    filling = store.fillings.of(known.id)
    assert filling is not None
    prompt, new = fill(store, SENTENCE, filling.variables, examples=best_examples(store, SENTENCE, 2))
    assert (prompt.id, new) == (known.id, False)
