"""Files that other programs wrote: what they mean, in their own spelling."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.feedback.converting import convert
from workbench.store import Store
from workbench.store.exchange import FORMATS, recognise
from workbench.store.exchange.importing import import_file
from workbench.store.exchange.items import Skipped


def turn(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


def says(who: str, text: str) -> dict[str, str]:
    return {"from": who, "value": text}


HUMAN, ASSISTANT = "\n\nHuman: ", "\n\nAssistant: "

ARGILLA = {
    "id": "1",
    "fields": {"prompt": "Hi", "response_1": "A", "response_2": "B"},
    "metadata": {"tags": ["x"], "length": 3},
    "suggestions": {"preference": {"value": "response_2", "score": 0.5, "agent": "gpt"}},
    "responses": {
        "rating_1": [{"value": 4, "user_id": "u1"}, {"value": 2, "user_id": "u2"}],
        "rating_2": [{"value": 1, "user_id": "u1"}],
        "preference": [{"value": "response_1", "user_id": "u2"}],
    },
    "vectors": {},
    "_server_id": "2",
}
LABEL_STUDIO = {
    "id": 7,
    "data": {"prompt": "Hi", "answer1": "A", "answer2": "B"},
    "annotations": [
        {
            "id": 1,
            "completed_by": {"id": 3, "email": "noor@example.org"},
            "result": [
                {"from_name": "pw", "to_name": "answer1,answer2", "type": "pairwise", "value": {"selected": "right"}},
                {"from_name": "quality_1", "to_name": "answer1", "type": "rating", "value": {"rating": 2}},
                {"from_name": "why", "to_name": "prompt", "type": "textarea", "value": {"text": ["Shorter."]}},
            ],
            "was_cancelled": False,
            "lead_time": 4.2,
        },
        {"id": 2, "completed_by": 9, "result": [], "was_cancelled": True},
    ],
    "predictions": [{"result": [{"from_name": "pw", "type": "pairwise", "value": {"selected": "left"}}]}],
}
CHAT = {
    "history": {
        "messages": {
            "q": {"id": "q", "parentId": None, "childrenIds": ["a", "b"], "role": "user", "content": "Hi"},
            "a": {"id": "a", "parentId": "q", "childrenIds": [], "role": "assistant", "content": "A", "model": "m"},
        },
        "currentId": "a",
    },
    "params": {"system": "Be brief."},
}
OPEN_WEBUI = {
    "id": "f",
    "user_id": "u1",
    "version": 0,
    "type": "rating",
    "data": {"rating": 1, "sibling_model_ids": None, "reason": "helpful", "comment": "Nice.", "tags": ["x"]},
    "meta": {"message_id": "a", "message_index": 2, "chat_id": "c", "arena": False},
    "snapshot": {"chat": {"id": "c", "title": "t", "chat": CHAT}},
    "created_at": 1,
    "updated_at": 1,
}  # fmt: skip
ALPACA = {"instruction": "Say", "input": "hi"}
OPENAI = {"messages": [turn("user", "Hi")], "tools": [], "parallel_tool_calls": True}

# name of the file, its rows, the format, and how many prompts, answers and judgements it adds
FOREIGN: list[tuple[str, Any, str, tuple[int, int, int]]] = [
    ("a.jsonl", [{"chosen": f"{HUMAN}Hi{ASSISTANT}A", "rejected": f"{HUMAN}Hi{ASSISTANT}B"}], "hh", (1, 2, 1)),
    ("a.jsonl", [{"prompt": "Hi", "completion": "A", "label": True}], "unpaired", (1, 1, 1)),
    (
        "a.jsonl",
        [{"prompt": "Hi", "chosen": [turn("user", "Hi"), turn("assistant", "A")], "score_chosen": 8.0,
          "rejected": [turn("user", "Hi"), turn("assistant", "B")]}],
        "preferences",
        (1, 2, 1),
    ),
    ("a.json", [ALPACA | {"chosen": "A", "rejected": "B"}], "instructions", (1, 2, 1)),
    ("a.json", [ALPACA | {"output": "A", "kto_tag": False}], "instructions", (1, 1, 1)),
    ("a.json", [ALPACA | {"output": "A", "history": [["q", "a"]]}], "instructions", (1, 1, 1)),
    ("a.json", [{"conversations": [says("human", "Hi"), says("gpt", "A")], "tools": ""}], "sharegpt", (1, 1, 1)),
    (
        "a.json",
        [{"conversations": [says("human", "Hi")], "chosen": says("gpt", "A"), "rejected": says("gpt", "B")}],
        "sharegpt",
        (1, 2, 1),
    ),
    ("a.json", [{"conversations": [says("human", "Hi"), says("gpt", "A")], "kto_tag": True}], "sharegpt", (1, 1, 1)),
    (
        "a.jsonl",
        [{"input": OPENAI, "preferred_output": [turn("assistant", "A")],
          "non_preferred_output": [turn("assistant", "B")]}],
        "openai",
        (1, 2, 1),
    ),
    (
        "a.jsonl",
        [{"messages": [turn("developer", "S"), turn("user", "Hi"), turn("assistant", "A") | {"tool_calls": None}]}],
        "demonstrations",
        (1, 1, 1),
    ),
    (
        "a.jsonl",
        [{"messages": [turn("user", "Hi"), {"role": "assistant", "content": [{"type": "text", "text": "A"}]}]}],
        "demonstrations",
        (1, 1, 1),
    ),
    ("a.json", [ARGILLA], "argilla", (1, 2, 3)),
    ("a.json", [LABEL_STUDIO], "label-studio", (1, 2, 2)),
    ("a.json", [OPEN_WEBUI], "open-webui", (1, 1, 1)),
    ("a.json", '{\n  "prompt": "One object",\n  "tags": ["x"]\n}\n', "prompts", (1, 0, 0)),
    ("a.csv", 'prompt,chosen,rejected,margin\r\nHi,"A\r\nA",B,2.5\r\n', "preferences", (1, 2, 1)),
    ("a.csv", "Prompt,Completion,Label\nHi,A,True\nHi,B,false\n", "unpaired", (1, 2, 2)),
    ("a.tsv", "instruction\tinput\toutput\nSay, hi\t\tHi.\n", "instructions", (1, 1, 1)),
]  # fmt: skip


def written(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    if not isinstance(content, str):
        content = json.dumps(content) if name.endswith(".json") else "".join(json.dumps(row) + "\n" for row in content)
    path.write_text(content, encoding="utf-8", newline="")
    return path


@pytest.mark.parametrize(("name", "content", "format", "added"), FOREIGN)
def test_a_foreign_file_is_recognised_and_added_once(
    store: Store, tmp_path: Path, name, content, format, added
) -> None:
    path = written(tmp_path, name, content)
    assert recognise(path) == format
    report = import_file(store, path)
    assert (report.skipped, tuple(report.added.values())) == ([], added)
    again = import_file(store, path)
    assert (sum(again.added.values()), again.already_there > 0) == (0, True)


def came(store: Store, folder: Path, rows: list[Any], format: str | None = None) -> list[tuple]:
    """What people said, in short."""
    import_file(store, written(folder, "a.json", rows), format=format)
    return [(item.annotator, item.kind, dict(item.value)) for item in store.feedback.list()]


# ---- TRL, LLaMA-Factory, OpenAI ----


def test_a_label_is_thumbs(store: Store, tmp_path: Path) -> None:
    rows = [{"prompt": "Hi", "completion": text, "label": text == "A"} for text in "AB"]
    assert came(store, tmp_path, rows) == [("", "thumbs", {"thumbs": [True]}), ("", "thumbs", {"thumbs": [False]})]


def test_history_and_system_stand_before_the_instruction(store: Store, tmp_path: Path) -> None:
    came(store, tmp_path, [ALPACA | {"output": "A", "system": "S", "history": [["q", "a"]]}])
    (prompt,) = store.prompts.list()
    assert prompt.messages == (
        turn("system", "S"),
        turn("user", "q"),
        turn("assistant", "a"),
        turn("user", "Say\n\nhi"),
    )


def test_a_transcript_may_have_many_turns(store: Store, tmp_path: Path) -> None:
    before = f"{HUMAN}one{ASSISTANT}two\n{HUMAN}three"
    came(store, tmp_path, [{"chosen": f"{before}{ASSISTANT}A", "rejected": f"{before}\n\nAssistant:"}])
    (prompt,) = store.prompts.list()
    assert [turn["content"] for turn in prompt.turns] == ["one", "two\n", "three"]
    assert [answer.text for answer in store.responses.of_prompt(prompt.id)] == ["A", ""]


@pytest.mark.parametrize(
    ("format", "row", "reason"),
    [
        ("hh", {"chosen": f"{HUMAN}a{ASSISTANT}A", "rejected": f"{HUMAN}b{ASSISTANT}B"}, "do not share a prompt"),
        ("hh", {"chosen": f"{HUMAN}a", "rejected": f"{HUMAN}a"}, "chosen does not end with an answer"),
        ("hh", {"chosen": "a", "rejected": "b"}, "chosen does not end with an answer"),
        ("unpaired", {"prompt": "Hi", "completion": "A", "label": "yes"}, "label is text, not true or false"),
        ("unpaired", {"prompt": "Hi", "completion": "A", "label": 1}, "label is a number, not true or false"),
        ("unpaired", {"prompt": "Hi", "completion": "A", "label": None}, "label is missing, not true or false"),
        ("preferences", {"prompt": "Hi", "chosen": "A", "rejected": "B", "margin": -1}, "margin is below zero"),
        ("preferences", {"prompt": "Hi", "chosen": "A", "rejected": "B", "margin": 10**400}, "margin is not a number"),
        ("preferences", {"prompt": "Hi", "chosen": "A", "rejected": "B", "margin": True}, "margin is not a number"),
        ("instructions", ALPACA | {"output": "A", "history": [["q"]]}, "history is not a list of questions"),
        ("instructions", ALPACA | {"output": "A", "kto_tag": "true"}, "kto_tag is text, not true or false"),
        ("instructions", ALPACA | {"chosen": "A"}, "rejected is missing, not text"),
        ("sharegpt", {"conversations": [says("human", "Hi")]}, "conversations does not end with an answer"),
        ("sharegpt", {"conversations": [says("tool", "Hi")]}, "a turn of tool"),
        ("sharegpt", {"conversations": [{"from": 1}]}, "a turn without a speaker"),
        ("sharegpt", {"conversations": "Hi"}, "conversations is text, not a list"),
        ("openai", {"input": [], "preferred_output": [], "non_preferred_output": []}, "input is a list, not an object"),
        (
            "demonstrations",
            {"messages": [turn("user", "Hi"), {"role": "assistant", "content": [{"type": "image_url"}]}]},
            "a message without a role or a text",
        ),
        ("argilla", {"fields": {"a": "b"}, "responses": {}}, "There is no field for the prompt"),
        ("argilla", {"fields": {"prompt": "Hi"}, "responses": 5}, "responses is a number, not an object"),
        ("label-studio", {"data": {"prompt": "Hi"}, "annotations": 5}, "annotations is a number, not a list"),
        ("open-webui", OPEN_WEBUI | {"data": {"rating": 5}}, "rating is neither 1 nor -1"),
        ("open-webui", OPEN_WEBUI | {"meta": {"message_id": "x"}}, "does not hold the message"),
        ("open-webui", OPEN_WEBUI | {"meta": {"message_id": "q"}}, "is not an answer"),
        ("open-webui", OPEN_WEBUI | {"snapshot": None}, "snapshot is missing, not an object"),
        ("open-webui", OPEN_WEBUI | {"data": {"rating": 1, "details": {"rating": 11}}}, "from 1 to 10"),
    ],
)
def test_a_row_that_does_not_fit_its_format_says_why(tmp_path: Path, format: str, row: dict, reason: str) -> None:
    (found,) = FORMATS[format].read(written(tmp_path, "a.jsonl", [row]))
    assert isinstance(found, Skipped)
    assert reason in found.reason


def test_a_chat_that_goes_in_a_circle_ends(tmp_path: Path) -> None:
    messages = {name: {"id": name, "parentId": name, "role": "assistant", "content": "x"} for name in "ab"}
    row = OPEN_WEBUI | {"snapshot": {"chat": {"history": {"messages": messages}}}}
    (found,) = FORMATS["open-webui"].read(written(tmp_path, "a.jsonl", [row]))
    assert "circle" in found.reason


# ---- annotation tools ----


def test_argilla_keeps_every_person_and_no_suggestion(store: Store, tmp_path: Path) -> None:
    assert came(store, tmp_path, [ARGILLA]) == [
        ("u1", "rating", {"ratings": [4, 1]}),
        ("u2", "comparison", {"choice": "a", "strength": 1}),
        ("u2", "rating", {"ratings": [2, None]}),
    ]
    assert store.prompts.list()[0].tags == ("x",)


def answered(question: str, value: Any, fields: dict | None = None) -> dict:
    fields = fields or {"prompt": "Hi", "response_1": "A", "response_2": "B"}
    return {"fields": fields, "responses": {question: [{"value": value, "user_id": "u"}]}}


ONE = {"instruction": "Say", "input": "hi", "response": "A"}


@pytest.mark.parametrize(
    ("row", "kind", "value"),
    [
        (answered("preference", "tie"), "comparison", {"choice": "tie", "strength": 0}),
        (answered("better", "response_2"), "comparison", {"choice": "b", "strength": 1}),
        (answered("order", ["response_2", "response_1"]), "ranking", {"order": [[1], [0]]}),
        (
            answered("order", [{"value": "response_1", "rank": 1}, {"value": "response_2", "rank": 1}]),
            "ranking",
            {"order": [[0, 1]]},
        ),
        (answered("quality", 4, ONE), "rating", {"ratings": [4]}),
        (answered("quality", "good", ONE), "thumbs", {"thumbs": [True]}),
        (answered("correction", "B", ONE), "edit", {"of": 0, "text": "B", "pair": True, "demonstration": True}),
        (
            answered("response", "Mine.", {"prompt": "Hi"}),
            "edit",
            {"of": None, "text": "Mine.", "pair": True, "demonstration": True},
        ),
    ],
)  # fmt: skip
def test_argilla_questions_are_understood_by_their_names(store, tmp_path, row, kind, value) -> None:
    assert came(store, tmp_path, [row]) == [("u", kind, value)]


def test_several_ratings_of_one_answer_are_a_rubric(store: Store, tmp_path: Path) -> None:
    row = {"fields": ONE, "responses": {name: [{"value": 3, "user_id": "u"}] for name in ("kind", "brief")}}
    ((_, kind, value),) = came(store, tmp_path, [row])
    assert (kind, [item["name"] for item in value["criteria"]]) == ("rubric", ["kind", "brief"])
    assert value["scores"] == [[3], [3]]


def test_labels_that_say_nothing_of_an_answer_are_tags_and_the_rest_is_reported(store: Store, tmp_path: Path) -> None:
    row = {
        "fields": {"prompt": "Hi", "response_1": "A", "response_2": "B"},
        "responses": {
            "topic": [{"value": "mail", "user_id": "u"}],
            "issues": [{"value": ["rude", "long"], "user_id": "u"}],
            "quality": [{"value": 3, "user_id": "u"}],
            "rating_1": [{"value": 9, "user_id": "u"}],
            "spans": [{"value": [{"start": 0, "end": 1, "label": "x"}], "user_id": "u"}],
            "comment": [{"value": "Hm.", "user_id": "u"}],
        },
    }
    report = import_file(store, written(tmp_path, "a.json", [row]))
    assert store.prompts.list()[0].tags == ("topic: mail", "issues: rude", "issues: long")
    assert [skip["reason"].split()[0] for skip in report.skipped] == ["quality", "rating_1", "spans", "A"]


def test_argilla_from_datasets_passes_over_drafts(store: Store, tmp_path: Path) -> None:
    row = {
        "id": "1", "status": "completed", "_server_id": "x", "prompt": "Hi", "response": "A",
        "quality.responses": [5, 1, 3], "quality.responses.users": ["u1", "u2", "u3"],
        "quality.responses.status": ["submitted", "discarded", None],
        "quality.suggestion": 2, "quality.suggestion.agent": "gpt",
    }  # fmt: skip
    assert came(store, tmp_path, [row]) == [("u1", "rating", {"ratings": [5]}), ("u3", "rating", {"ratings": [3]})]


def test_label_studio_keeps_who_and_why(store: Store, tmp_path: Path) -> None:
    assert came(store, tmp_path, [LABEL_STUDIO]) == [
        ("noor@example.org", "comparison", {"choice": "b", "strength": 1}),
        ("noor@example.org", "rating", {"ratings": [2, None]}),
    ]
    assert [item.comment for item in store.feedback.list()] == ["why: Shorter.", ""]


FLAT = {
    "id": 1,
    "prompt": "Hi",
    "annotator": 4,
    "annotation_id": 2,
    "created_at": "x",
    "updated_at": "x",
    "lead_time": 1,
}


@pytest.mark.parametrize(
    ("more", "kind", "value"),
    [
        ({"text1": "A", "text2": "B", "pw": [{"selected": "left"}]}, "comparison", {"choice": "a", "strength": 1}),
        ({"text1": "A", "text2": "B", "pw": "tie"}, "comparison", {"choice": "tie", "strength": 0}),
        ({"answer": "A", "stars": [{"rating": 4}]}, "rating", {"ratings": [4]}),
        ({"answer": "A", "quality": "Bad"}, "thumbs", {"thumbs": [False]}),
        ({"answer": "A", "rewrite": "B"}, "edit", {"of": 0, "text": "B", "pair": True, "demonstration": True}),
        (
            {
                "items": [{"id": "x", "body": "A"}, {"id": "y", "title": "B"}],
                "rank": [{"ranker": {"rank": ["y", "x"]}}],
            },
            "ranking",
            {"order": [[1], [0]]},
        ),
    ],
)
def test_label_studios_flat_export_is_understood(store: Store, tmp_path: Path, more, kind, value) -> None:
    assert came(store, tmp_path, [FLAT | more]) == [("4", kind, value)]


# ---- Open WebUI ----


def chat(*answers: str) -> dict:
    messages = {"q": CHAT["history"]["messages"]["q"]} | {
        f"{number}": {"id": f"{number}", "parentId": "q", "role": "assistant", "content": text}
        for number, text in enumerate(answers)
    }
    return {"chat": {"chat": {"history": {"messages": messages}}}}


@pytest.mark.parametrize(
    ("snapshot", "data", "kind", "value"),
    [
        (chat("A"), {"rating": -1}, "thumbs", {"thumbs": [False]}),
        (chat("A"), {"rating": "1"}, "thumbs", {"thumbs": [True]}),
        (chat("A"), {"rating": 1, "details": {"rating": 9}}, "rating", {"ratings": [5]}),
        (chat("A", "B"), {"rating": 1, "sibling_model_ids": ["m"]}, "comparison", {"choice": "a", "strength": 1}),
        (chat("A", "B"), {"rating": -1}, "comparison", {"choice": "b", "strength": 1}),
        (chat("A", "B", "C"), {"rating": 1}, "ranking", {"order": [[0], [1, 2]]}),
        (chat("A", "B", "C"), {"rating": -1}, "ranking", {"order": [[1, 2], [0]]}),
    ],
)
def test_a_verdict_is_of_the_answer_or_against_its_siblings(store, tmp_path, snapshot, data, kind, value) -> None:
    row = OPEN_WEBUI | {"snapshot": snapshot, "data": data, "meta": {"message_id": "0"}}
    assert came(store, tmp_path, [row]) == [("u1", kind, value)]


def test_reason_comment_tags_and_system_text_are_kept(store: Store, tmp_path: Path) -> None:
    came(store, tmp_path, [OPEN_WEBUI])
    ((prompt,), (item,)) = store.prompts.list(), store.feedback.list()
    assert (item.comment, item.reasons, prompt.tags, prompt.system) == ("Nice.", ("helpful",), ("x",), "Be brief.")
    assert [label.value for label in convert(store.feedback.judgements()).labels] == [1.0]
