"""Files in: every format, twice, damaged, and dry."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.errors import WorkbenchError
from workbench.feedback.converting import convert
from workbench.store import Store, backups
from workbench.store.exchange import FORMATS, recognise
from workbench.store.exchange.importing import ImportReport, import_file, preview

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture
def write(tmp_path: Path):
    """write("a.jsonl", rows) makes a file and returns its path."""

    def file(name: str, content: object) -> Path:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, str):
            path.write_text(content, encoding="utf-8", newline="")
        elif name.endswith(".json"):
            path.write_text(json.dumps(content), encoding="utf-8")
        else:
            path.write_text("".join(json.dumps(row) + "\n" for row in content), encoding="utf-8")  # type: ignore[union-attr]
        return path

    return file


def turn(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


RATED = {"kind": "rating", "prompt": "Hi", "answers": ["A", "B"], "value": {"ratings": [5, None]}}
COMPARED = {"kind": "comparison", "prompt": "Hi", "answers": ["A", "C"], "value": {"choice": "b", "strength": 2}}
PANDALM = {
    "instruction": "Fix it.", "input": "teh", "response1": "the", "response2": "",
    "annotator1": 1, "annotator2": 0, "annotator3": 2,
}  # fmt: skip

# name of the file, its content, the format, and how many prompts, answers and judgements it adds
FILES = [
    ("a.txt", "One\r\n\n  Two  \nOne\n", "text", (2, 0, 0)),
    ("a.txt", "\ufeffOne\u2028still one\n", "text", (1, 0, 0)),
    ("a.csv", "prompt,system,tags\nHi,Be brief.,\"a, b\"\n\"Two\nlines\",,\n", "table", (2, 0, 0)),
    ("a.csv", "\ufeffPrompt;Tags\nHi;a\n", "table", (1, 0, 0)),
    ("a.jsonl", [{"prompt": "Hi", "system": "Be brief.", "tags": ["a"]}, {"prompt": "Ho"}], "prompts", (2, 0, 0)),
    ("a.jsonl", [{"prompt": [turn("system", "S"), turn("user", "Hi")]}], "prompts", (1, 0, 0)),
    ("a.json", [{"prompt": "Hi"}, {"prompt": "Hi"}], "prompts", (1, 0, 0)),
    ("a.jsonl", [RATED, COMPARED, RATED], "judgements", (1, 3, 2)),
    ("a.jsonl", [{"instruction": "Say", "input": "hi", "output": "Hi."}], "instructions", (1, 1, 1)),
    ("a.json", [{"instruction": "Say", "output": ""}], "instructions", (1, 0, 0)),
    ("a.jsonl", [{"instruction": "Say", "instances": [{"input": "", "output": "Hi"}] * 2}], "self-instruct", (1, 1, 1)),
    ("a.jsonl", [{"question": "1+1?", "answer": "<<1+1=2>>\n#### 2"}], "questions", (1, 1, 1)),
    ("a.json", [PANDALM, PANDALM], "pandalm", (1, 4, 6)),
    ("a.jsonl", [{"prompt": "Hi", "chosen": "A", "rejected": "B"}], "preferences", (1, 2, 1)),
    ("a.jsonl", [{"prompt": "Hi", "chosen": "A", "rejected": "A"}], "preferences", (1, 2, 1)),
    (
        "a.jsonl",
        [{"prompt": [turn("user", "Hi")], "chosen": [turn("assistant", "A")], "rejected": [turn("assistant", "B")]}],
        "preferences",
        (1, 2, 1),
    ),
    (
        "a.jsonl",
        [{name: [turn("user", "Hi"), turn("assistant", name)] for name in ("chosen", "rejected")}],
        "preferences",
        (1, 2, 1),
    ),
    ("a.jsonl", [{"prompt": "Hi", "completion": "Hello."}], "demonstrations", (1, 1, 1)),
    ("a.jsonl", [{"messages": [turn("user", "Hi"), turn("assistant", "Hello.")]}], "demonstrations", (1, 1, 1)),
    ("a.jsonl", '{"prompt": "Hi"}\r\n\r\n{"prompt": "Ho"}', "prompts", (2, 0, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "format", "added"), FILES)
def test_a_file_is_recognised_and_added_once(store: Store, write, name, content, format, added) -> None:
    path = write(name, content)
    assert recognise(path) == format
    dry = import_file(store, path, dry_run=True)
    assert counts(store) == (0, 0, 0)
    report = import_file(store, path)
    assert report == dry
    assert tuple(report.added.values()) == counts(store) == added
    assert report.skipped == []

    again = import_file(store, path)
    assert tuple(again.added.values()) == (0, 0, 0)
    assert counts(store) == added
    assert again.already_there > 0


def counts(store: Store) -> tuple[int, int, int]:
    return store.prompts.count(), store.responses.count(), len(store.feedback.list())


def test_every_format_is_tested() -> None:
    from .test_exchange_readers import FOREIGN

    assert {format for _, _, format, _ in [*FILES, *FOREIGN]} | {"project"} == set(FORMATS)
    assert all(format.title for format in FORMATS.values())


# ---- what the formats mean ----


def test_judgements_keep_value_comment_and_person(store: Store, write) -> None:
    import_file(
        store, write("a.jsonl", [RATED | {"comment": "A is warm.", "annotator": "Noor"}, COMPARED]), annotator="you"
    )
    rated, compared = store.feedback.list()
    assert (rated.value, rated.comment, rated.annotator) == ({"ratings": [5, None]}, "A is warm.", "Noor")
    assert (compared.value, compared.annotator) == ({"choice": "b", "strength": 2}, "you")
    assert rated.response_ids[0] == compared.response_ids[0]
    assert [pair.chosen for pair in convert(store.feedback.judgements()).pairs] == ["C"]


def test_a_reference_is_a_demonstration_and_not_a_pair(store: Store, write) -> None:
    import_file(store, write("a.jsonl", [{"question": "1+1?", "answer": " #### 2\n"}]), annotator="you")
    (answer,) = store.responses.of_prompt(store.prompts.list()[0].id)
    assert (answer.text, answer.source, answer.queued) == (" #### 2\n", "reference", False)
    (item,) = store.feedback.list()
    assert item.value == {"of": None, "text": " #### 2\n", "pair": False, "demonstration": True}
    assert item.annotator == "reference"
    conversion = convert(store.feedback.judgements())
    assert (len(conversion.demonstrations), len(conversion.pairs)) == (1, 0)


def test_an_instruction_and_its_input_are_one_prompt(store: Store, write) -> None:
    import_file(store, write("a.jsonl", [{"instruction": "Fix it.", "input": "teh", "output": "the"}]))
    import_file(store, write("b.json", [PANDALM]))
    assert [prompt.text for prompt in store.prompts.list()] == ["Fix it.\n\nteh"]


def test_pandalm_rows_are_three_comparisons_each(store: Store, write) -> None:
    import_file(store, write("a.json", [PANDALM]))
    said = [(item.annotator, item.value["choice"]) for item in store.feedback.list()]
    assert said == [("pandalm-1", "a"), ("pandalm-2", "tie"), ("pandalm-3", "b")]
    assert [answer.text for answer in store.responses.of_prompt(store.prompts.list()[0].id)] == ["the", ""]


@pytest.mark.parametrize(("margin", "strength"), [(None, 1), (0, 1), (1, 1), (1.9, 1), (2, 2), (3.5, 2)])
def test_a_margin_is_how_much_better(store: Store, write, margin, strength: int) -> None:
    row = {"prompt": "Hi", "chosen": "A", "rejected": "B"} | ({} if margin is None else {"margin": margin})
    import_file(store, write("a.jsonl", [row]))
    kept = {} if margin in (None, 1, 2) else {"margin": margin}
    assert store.feedback.list()[0].value == {"choice": "a", "strength": strength} | kept
    (pair,) = convert(store.feedback.judgements()).pairs
    assert pair.margin == (1 if margin is None else margin)


def test_tags_and_system_texts_arrive(store: Store, write) -> None:
    import_file(store, write("a.csv", "prompt,system,tags\nHi,Be brief.,a; b\n"))
    (prompt,) = store.prompts.list()
    assert (prompt.system, prompt.tags, prompt.source) == ("Be brief.", ("a", "b"), "a.csv")


# ---- rows that cannot be read ----


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": 7}, "prompt is a number, not text."),
        ({"prompt": ""}, "The prompt is empty."),
        ({"prompt": None}, "prompt is missing, not text."),
        ({"prompt": "Hi", "tags": "a"}, "tags is not a list of words."),
        ({"prompt": "Hi", "system": ["x"]}, "system is a list, not text."),
        ({"prompt": [{"role": "user"}]}, "prompt holds a message without a role or a text."),
        (
            {"prompt": [turn("tool", "x")]},
            "prompt holds a message that is neither from the user nor from the assistant.",
        ),
    ],
)
def test_a_row_that_is_no_prompt_is_passed_over(store: Store, write, row: dict, reason: str) -> None:
    report = import_file(store, write("a.jsonl", [{"prompt": "Fine"}, row]))
    assert report.skipped == [{"row": 2, "reason": reason}]
    assert [prompt.text for prompt in store.prompts.list()] == ["Fine"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"answers": ["A", True]}, "answers is not a list of texts."),
        ({"value": [5]}, "value is a list, not an object."),
        ({"kind": "smile"}, "There is no kind of feedback called smile."),
        ({"value": {"ratings": [9, 1]}}, "A rating is a whole number from 1 to 5 for each answer."),
        ({"answers": ["A"]}, "A rating is a whole number from 1 to 5 for each answer."),
        ({"comment": 5}, "comment is a number, not text."),
    ],
)
def test_a_row_that_is_no_judgement_leaves_nothing_behind(store: Store, write, change: dict, reason: str) -> None:
    report = import_file(store, write("a.jsonl", [COMPARED, RATED | {"prompt": "Another"} | change]))
    assert report.skipped == [{"row": 2, "reason": reason}]
    assert counts(store) == (1, 2, 1)


def test_true_and_false_where_an_answer_should_be(store: Store, write) -> None:
    rows = [PANDALM, PANDALM | {"response1": True}, PANDALM | {"annotator2": 3}, PANDALM | {"annotator1": True}]
    report = import_file(store, write("a.json", rows))
    assert [(skip["row"], skip["reason"].split()[0]) for skip in report.skipped] == [
        (1, "response1"), (2, "annotator2"), (3, "annotator1"),
    ]  # fmt: skip
    assert counts(store) == (1, 2, 3)


@pytest.mark.parametrize(
    "row",
    [
        {"chosen": [turn("user", "Hi")], "rejected": [turn("user", "Hi")]},
        {
            "chosen": [turn("user", "Hi"), turn("assistant", "A")],
            "rejected": [turn("user", "Ho"), turn("assistant", "B")],
        },
        {"prompt": "Hi", "chosen": [turn("assistant", "A")] * 2, "rejected": "B"},
        {"prompt": "Hi", "chosen": "A", "rejected": None},
        {"chosen": "A", "rejected": "B"},
        {"prompt": "Hi", "chosen": "A", "rejected": "B", "margin": "much"},
    ],
)
def test_what_is_no_preference_is_passed_over(store: Store, write, row: dict) -> None:
    fine = {"prompt": "Hi", "chosen": "A", "rejected": "B"}
    report = import_file(store, write("a.jsonl", [fine, row]), format="preferences")
    assert [skip["row"] for skip in report.skipped] == [2]


def test_a_file_of_which_nothing_can_be_read_is_refused(store: Store, write) -> None:
    with pytest.raises(WorkbenchError, match=r"nothing that can be imported: row 1: prompt is a number"):
        import_file(store, write("a.jsonl", [{"prompt": 7}]))


# ---- damaged files ----

GOOD = b'{"prompt": "Good"}\n'
BAD_FILES = {
    "truncated line": ("a.jsonl", GOOD + b'{"prompt": "Hal', "Line 2 of a.jsonl is not JSON"),
    "truncated array": ("a.json", b'[{"prompt": "Hi"}, {"pro', "a.json is not JSON"),
    "not UTF-8": ("a.jsonl", GOOD + b'{"prompt": "caf\xe9"}\n', "Line 2 of a.jsonl is not UTF-8"),
    "UTF-16": ("a.txt", "Hi\n".encode("utf-16"), "not UTF-8|NUL byte"),
    "number": ("a.jsonl", GOOD + b"7\n", "Row 2 of a.jsonl is not an object"),
    "list": ("a.jsonl", GOOD + b"[1]\n", "Row 2 of a.jsonl is not an object"),
    "deep": ("a.jsonl", GOOD + b'{"prompt": ' + b"[" * 1000 + b"]" * 1000 + b"}\n", "nested more than 64 deep"),
    "very deep": ("a.jsonl", GOOD + b"[" * 200_000 + b"\n", "nested more than 64 deep|not JSON"),
    "NaN": ("a.jsonl", GOOD + b'{"prompt": "x", "margin": NaN}\n', "Line 2 of a.jsonl is not JSON: NaN"),
    "Infinity": ("a.jsonl", GOOD + b'{"prompt": "x", "margin": -Infinity}\n', "not JSON: -Infinity"),
    "too large": ("a.jsonl", GOOD + b'{"prompt": "x", "margin": 1e999}\n', "not JSON: 1e999"),
    "digits": ("a.jsonl", GOOD + b'{"prompt": "x", "margin": ' + b"9" * 5000 + b"}\n", "not JSON"),
    "NUL in JSON": ("a.jsonl", GOOD + b'{"prompt": "a\0b"}\n', "Line 2 of a.jsonl holds a NUL byte"),
    "NUL in text": ("a.txt", b"Hi\na\0b\n", "Line 2 of a.txt holds a NUL byte"),
    "zeros": ("a.jsonl", b"\0" * 100, "NUL byte"),
    "no such column": ("a.csv", b"question\nHi\n", "no column called prompt"),
    "open quote": ("a.csv", b'prompt\n"Hi\n', "not a table"),
    "empty": ("a.jsonl", b"", "is empty"),
    "blank": ("a.txt", b"\n \n", "is empty"),
    "another thing": ("a.jsonl", b'{"colour": "blue"}\n', "in no format"),
    "strange suffix": ("a.pdf", b"%PDF-1.7\n", "in no format"),
}


@pytest.mark.parametrize(("name", "content", "sentence"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_damaged_file_is_one_sentence_and_writes_nothing(store: Store, write, name, content, sentence) -> None:
    heard = []
    store.listen(lambda table, by: heard.append(table))
    with pytest.raises(WorkbenchError, match=sentence) as caught:
        import_file(store, write(name, content))
    assert caught.value.hint
    assert counts(store) == (0, 0, 0)
    assert heard == []
    assert not store.db.conn.in_transaction


def test_no_file_and_no_format_are_said_so(store: Store, write, tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="There is no file"):
        import_file(store, tmp_path / "none.jsonl")
    with pytest.raises(WorkbenchError, match="no format called smoke"):
        import_file(store, write("a.txt", "Hi"), format="smoke")


def test_one_line_of_5_mb_is_fine_and_a_text_over_the_limit_is_passed_over(store: Store, write) -> None:
    rows = [{"prompt": "x" * 5_000_000}, {"prompt": "y" * 10_000_001}]
    report = import_file(store, write("a.jsonl", rows))
    assert report.skipped == [{"row": 2, "reason": "The prompt is longer than 10 million characters."}]
    assert len(store.prompts.list()[0].text) == 5_000_000


def test_half_a_surrogate_pair_becomes_a_replacement_character(store: Store, write) -> None:
    import_file(store, write("a.jsonl", '{"prompt": "a\\ud800b \\u0000 \\ud83d\\ude00", "tags": ["\\udfff"]}\n'))
    (prompt,) = store.prompts.list()
    assert (prompt.text, prompt.tags) == ("a\ufffdb \0 😀", ("\ufffd",))


# ---- around the import ----


def test_listeners_hear_once_per_table(store: Store, write) -> None:
    heard, pane = [], object()
    store.listen(lambda table, by: heard.append((table, by)))
    import_file(store, write("a.jsonl", [RATED, COMPARED]), dry_run=True)
    assert heard == []
    import_file(store, write("a.jsonl", [RATED, COMPARED]))
    assert sorted(heard) == [("feedback", None), ("prompts", None), ("responses", None)]
    heard.clear()
    import_file(store, write("b.txt", "New"), by=pane)
    assert ("prompts", pane) in heard


def test_a_project_with_rows_is_backed_up_first(store: Store, write) -> None:
    import_file(store, write("a.txt", "One"))
    assert backups.all_of(store.folder) == []
    import_file(store, write("b.txt", "Two"))
    assert len(backups.all_of(store.folder)) == 1


def test_a_preview_shows_rows_and_reasons_and_writes_nothing(write) -> None:
    path = write("a.jsonl", [RATED, RATED | {"value": 3}, *[COMPARED] * 30])
    rows = preview(path, limit=5)
    assert len(rows) == 5
    said = [{"kind": "rating", "value": {"ratings": [5, None]}, "who": ""}]
    assert rows[0] == {"row": 1, "prompt": "Hi", "answers": ["A", "B"], "judgements": 1, "said": said}
    assert rows[1] == {"row": 2, "skipped": "value is a number, not an object."}


def test_a_report_is_plain_json() -> None:
    report = ImportReport("text", {"prompts": 1}, 2, [{"row": 3, "reason": "Because."}])
    assert json.loads(json.dumps(report.to_json())) == report.to_json()


def test_the_samples_come_in_whole(store: Store) -> None:
    prompts = import_file(store, SAMPLES / "prompts.jsonl")
    judgements = import_file(store, SAMPLES / "judgements.jsonl")
    assert (prompts.added["prompts"], prompts.skipped) == (128, [])
    assert (judgements.added["prompts"], judgements.added["feedback"], judgements.skipped) == (0, 40, [])
    assert store.feedback.annotators() == {"sample": 40}
