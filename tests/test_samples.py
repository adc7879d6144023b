"""The sample project is what its README says it is, and every line of it can be imported."""

import json
import re
import unicodedata
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[1] / "samples"
TASKS = ("writing", "translation", "question", "code", "mail")
ANSWERS_ALLOWED = {"rating": (2, 4), "comparison": (2, 2), "ranking": (3, 4), "edit": (1, 4)}
HAN = re.compile(r"[\u4e00-\u9fff]")


def lines(name: str) -> list[dict]:
    text = (SAMPLES / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def readme_rows(first_cells: tuple[str, ...]) -> dict[str, list[str]]:
    text = (SAMPLES / "README.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line[:1] == "|"]
    return {row[0]: row[1:] for row in rows if row[0] in first_cells}


def texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.values() for text in texts(item)]
    return [text for item in value for text in texts(item)] if isinstance(value, list) else []


def shingles(text: str) -> set[str]:
    plain = re.sub(r"\W+", " ", text.casefold())
    return {plain[i : i + 4] for i in range(len(plain) - 3)}


def is_rating(value: dict, answers: list[str]) -> bool:
    given = value["ratings"]
    numbers = [n for n in given if n is not None]
    return len(given) == len(answers) and numbers != [] and all(n in (1, 2, 3, 4, 5) for n in numbers)


def is_comparison(value: dict, answers: list[str]) -> bool:
    return value["choice"] in ("a", "b", "tie", "both_bad") and value["strength"] in (1, 2)


def is_ranking(value: dict, answers: list[str]) -> bool:
    placed = [index for group in value["order"] for index in group]
    return all(value["order"]) and sorted(placed) == list(range(len(answers)))


def is_edit(value: dict, answers: list[str]) -> bool:
    return value["of"] in range(len(answers)) and value["text"].strip() not in ("", answers[value["of"]])


WELL_FORMED = {
    "rating": (is_rating, {"ratings"}),
    "comparison": (is_comparison, {"choice", "strength"}),
    "ranking": (is_ranking, {"order"}),
    "edit": (is_edit, {"of", "text"}),
}
PROMPTS = lines("prompts.jsonl")
JUDGEMENTS = lines("judgements.jsonl")


@pytest.mark.parametrize("row", PROMPTS, ids=lambda row: row["prompt"][:30])
def test_a_prompt_has_text_of_a_fit_length_and_its_tags(row: dict) -> None:
    assert {"prompt", "tags"} <= row.keys() <= {"prompt", "system", "tags"}
    assert row.get("system", "x").strip()
    assert row["tags"][0] in TASKS and row["tags"][1] in ("en", "zh") and len(row["tags"]) == 3
    assert 6 <= len(re.findall(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+(?:['’-]\w+)*", row["prompt"])) <= 60


def test_prompts_are_all_different() -> None:
    spelled = Counter(" ".join(row["prompt"].casefold().split()) for row in PROMPTS)
    assert [text for text, times in spelled.items() if times > 1] == []


def test_no_two_prompts_are_nearly_the_same() -> None:
    pieces = [(row["prompt"], shingles(row["prompt"])) for row in PROMPTS]
    alike = [(a, b) for (a, x), (b, y) in combinations(pieces, 2) if len(x & y) > 0.4 * len(x | y)]
    assert alike == []


def test_chinese_is_simplified_with_full_width_punctuation() -> None:
    for text in texts(PROMPTS) + texts(JUDGEMENTS):
        "".join(HAN.findall(text)).encode("gb2312")  # raises on a traditional character
        assert not re.search(r"[\u4e00-\u9fff][,?!:;]", text), text


def test_there_are_as_many_prompts_as_the_readme_says() -> None:
    found = Counter(tuple(row["tags"][:2]) for row in PROMPTS)
    told = readme_rows(TASKS)
    assert set(told) == set(TASKS)
    for task, (english, chinese) in told.items():
        assert found[task, "en"] >= int(english)
        assert found[task, "zh"] >= int(chinese)
    assert len(PROMPTS) == sum(int(cell) for row in told.values() for cell in row) == 128


def test_there_are_as_many_judgements_as_the_readme_says() -> None:
    found = Counter(row["kind"] for row in JUDGEMENTS)
    told = readme_rows(tuple(WELL_FORMED))
    assert {kind: int(row[0]) for kind, row in told.items()} == found
    assert len(JUDGEMENTS) == 40


def test_judgements_cover_every_task_and_both_languages() -> None:
    tags = {row["prompt"]: row["tags"] for row in PROMPTS}
    judged = [tags[row["prompt"]] for row in JUDGEMENTS]
    assert {tag[0] for tag in judged} == set(TASKS)
    assert Counter(tag[1] for tag in judged)["zh"] >= 10


@pytest.mark.parametrize("row", JUDGEMENTS, ids=lambda row: f"{row['kind']}-{row['prompt'][:24]}")
def test_a_judgement_fits_its_prompt_and_its_kind(row: dict) -> None:
    systems = {prompt["prompt"]: prompt.get("system") for prompt in PROMPTS}
    assert row["prompt"] in systems and row.get("system") == systems[row["prompt"]]
    assert row["annotator"] == "sample" and row.get("comment", "x").strip()
    fewest, most = ANSWERS_ALLOWED[row["kind"]]
    assert fewest <= len(row["answers"]) <= most and all(answer.strip() for answer in row["answers"])
    assert len(set(row["answers"])) == len(row["answers"])
    fits, keys = WELL_FORMED[row["kind"]]
    assert row["value"].keys() == keys and fits(row["value"], row["answers"])


def test_no_control_characters() -> None:
    # An answer may have several lines (a poem, code); a prompt and a tag may not.
    for text in texts(PROMPTS):
        assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cf")], text
    for text in texts(JUDGEMENTS):
        assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cf") and c != "\n"], text
