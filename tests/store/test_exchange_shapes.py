"""Formats out and in again: whatever a shape holds comes back to the letter, in every container."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.feedback.base import Rules
from workbench.feedback.converting import convert
from workbench.store import Store
from workbench.store.exchange import FORMATS, SHAPES, recognise, shape_for, table_child, table_files
from workbench.store.exchange.exporting import export
from workbench.store.exchange.importing import import_file
from workbench.store.exchange.items import Item, Said, Skipped, Unfit, preference, reference, thumb
from workbench.store.exchange.shapes import WHAT, Shape
from workbench.store.exchange.writing import CONTAINERS, write_rows

ALL = [(name, shape.what) for name, shapes in SHAPES.items() for shape in shapes]
TRICKY = [
    *("", " ", "\n", "a\r\nb\rc\n", "你好，世界", "🙂👍🏽", "=1+1", "@SUM(A1)", "'a", '"', ",;\t", "\ufeff"),
    *("\n\nHuman: x", "\n\nAssistant:", "a\u2028b", "null", "true", "3", "NaN", '{"a": 1}', "a\0b", "x" * 5000),
    '[{"role": "user", "content": "x"}]',
]  # fmt: skip

texts = st.sampled_from(TRICKY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
turns = st.lists(st.tuples(st.sampled_from(["user", "assistant"]), texts), max_size=3).map(
    lambda before: tuple({"role": role, "content": text} for role, text in before)
)
prompts = st.builds(lambda before, last: (*before, {"role": "user", "content": last}), turns, texts)
margins = st.sampled_from([0.0, 1.0, 2.0, 1 / 3, 2.5]) | st.floats(0, 1e6)
orders = st.permutations([0, 1, 2]).flatmap(
    lambda order: st.sampled_from(
        [[[place] for place in order], [order[:2], order[2:]], [order], [order[:1], order[1:]]]
    )
)
edits = st.fixed_dictionaries(
    {"of": st.sampled_from([None, 0, 2]), "text": texts, "pair": st.booleans(), "demonstration": st.booleans()}
)


def said(kind: str, value: Any, shown: int) -> st.SearchStrategy[Said]:
    return st.builds(
        Said,
        st.just(kind),
        value,
        st.just(tuple(range(shown))),
        annotator=texts,
        comment=texts,
        reasons=st.lists(texts, max_size=2).map(tuple),
    )


def of_each(name: str, values: Any, shown: int) -> st.SearchStrategy[Said]:
    given = st.lists(values | st.none(), min_size=shown, max_size=shown).filter(any_given)
    return said("rating" if name == "ratings" else "thumbs", st.fixed_dictionaries({name: given}), shown)


def any_given(values: list) -> bool:
    return any(value is not None for value in values)


CRITERIA = [{"name": "kind", "scale": "stars", "weight": 1.0}]
stars, truths = st.integers(1, 5), st.booleans()
choices = st.sampled_from(
    [
        {"choice": "a", "strength": 1},
        {"choice": "b", "strength": 2},
        {"choice": "tie", "strength": 0},
        {"choice": "both_bad", "strength": 0},
        {"choice": "b", "strength": 1, "margin": 0.25},
    ]
)
JUDGED = {
    1: [of_each("ratings", stars, 1), of_each("thumbs", truths, 1), said("mark", st.just({"start": 0, "end": 1}), 1)],
    2: [said("comparison", choices, 2), of_each("ratings", stars, 2)],
    3: [
        said("ranking", orders.map(lambda order: {"order": [list(group) for group in order]}), 3),
        said("best_worst", st.sampled_from([{"best": 0, "worst": 2}, {"best": 1, "worst": 0}]), 3),
        said("edit", edits, 3),
        said("rubric", st.just({"criteria": CRITERIA, "scores": [[1, None, 5]]}), 3),
        of_each("thumbs", truths, 3),
    ],
}


@st.composite
def items(draw: st.DrawFn, what: str) -> Item:
    about = {"row": draw(st.integers(0, 9)), "turns": draw(prompts), "system": draw(texts)}
    if what == "pairs":
        return Item(**about, **preference(draw(texts), draw(texts), draw(margins)))
    if what == "labels":
        return Item(**about, **thumb(draw(texts), draw(truths)))
    if what == "demonstrations":
        return Item(**about, **reference(draw(texts)))
    about["tags"] = tuple(draw(st.lists(texts, max_size=2)))
    if what == "prompts":
        return Item(**about)
    count = draw(st.sampled_from([1, 2, 3]))
    answers = tuple(draw(st.lists(texts, min_size=count, max_size=count)))
    return Item(**about, answers=answers, said=(draw(st.one_of(JUDGED[count])),))


def rows_of(shape: Shape, given: list[Item]) -> Iterator[tuple[Item, dict]]:
    for item in given:
        try:
            yield item, shape.row(item)
        except Unfit:
            continue


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables decoded here: a process for each of hundreds of files takes minutes."""
    monkeypatch.setattr(table_files, "table_rows", lambda files: enumerate(table_child.rows_of(files)))


@pytest.mark.usefixtures("no_process")
@pytest.mark.parametrize(("name", "what"), ALL)
def test_whatever_a_shape_holds_comes_back_from_every_container(name: str, what: str, tmp_path: Path) -> None:
    _, shape = shape_for(what, name)
    format = FORMATS[name.removesuffix("-implicit")]
    containers = CONTAINERS if shape.columns else ("jsonl", "json")
    folder = tmp_path / "out"
    folder.mkdir()
    held = 0

    @settings(max_examples=20, deadline=None, database=None)
    @given(st.lists(items(what), min_size=1, max_size=4), st.sampled_from(containers))
    def holds(given: list[Item], container: str) -> None:
        nonlocal held
        kept = list(rows_of(shape, given))
        held += len(kept)
        path = folder / f"{len(list(folder.iterdir()))}.{'' if container == 'datasets' else container}"
        try:
            count = write_rows(path, (row for _, row in kept), container, shape.columns)
        except WorkbenchError as error:
            if container == "csv" and "NUL character" in error.text:
                return
            raise
        assert count == len(kept)
        back = list(format.read(path))
        assert not any(isinstance(item, Skipped) for item in back)
        assert [shape._essence(item) for item in back] == [shape._essence(item) for item, _ in kept]

    holds()
    assert held > 0


@pytest.mark.parametrize(("name", "what"), ALL)
def test_what_is_written_is_recognised(name: str, what: str, tmp_path: Path) -> None:
    _, shape = shape_for(what, name)
    prompt = ({"role": "user", "content": "Hi"},)
    fields = {
        "pairs": preference("A", "B"),
        "labels": thumb("A", True),
        "demonstrations": reference("A"),
        "prompts": {},
    }
    rated = {"answers": ("A",), "said": (Said("rating", {"ratings": [4]}, (0,)),)}
    path = tmp_path / "a.jsonl"
    write_rows(path, [shape.row(Item(0, prompt, **fields.get(what, rated)))], "jsonl", shape.columns)
    known = recognise(path)
    assert known == name.removesuffix("-implicit") or (name, known) == ("openai", "demonstrations")


# ---- through a store ----


@pytest.fixture
def full(store: Store) -> Store:
    """Something of every kind, with texts that files get wrong."""
    for number, text in enumerate(["", "a\r\nb\rc\n", "你好🙂", "=1+1", ",;\t", "\n\nHuman: x", "[1]"]):
        turns = [{"role": "user", "content": f"{number}{text}"}, {"role": "assistant", "content": text}] * (number % 3)
        prompt, _ = store.prompts.add(
            turns=[*turns, {"role": "user", "content": f"q{text}"}], system=text if number % 2 else "", tags=[text]
        )
        said = {"annotator": f"p{number % 2}", "comment": text, "reasons": [f"r{text}"] if number % 4 else []}
        ids = [store.responses.add(prompt.id, answer).id for answer in (text, f"{text}!", "")]
        store.feedback.add("rating", prompt.id, ids, {"ratings": [5, 3, 1]}, **said)
        store.feedback.add("comparison", prompt.id, ids[:2], {"choice": "b", "strength": 2}, **said)
        store.feedback.add("comparison", prompt.id, ids[1:], {"choice": "tie"}, **said)
        store.feedback.add("ranking", prompt.id, ids, {"order": [[2], [0, 1]]}, **said)
        store.feedback.add("edit", prompt.id, ids, {"of": 1, "text": f"{text}?", "pair": False}, **said)
        store.feedback.add("thumbs", prompt.id, ids[1:2], {"thumbs": [True]}, **said)
        store.feedback.add("best_worst", prompt.id, ids, {"best": 1, "worst": 0}, **said)
        store.feedback.add("mark", prompt.id, ids[1:2], {"start": 0, "end": 1, "label": "bad", "quote": "!"}, **said)
        store.feedback.add("skip", prompt.id, ids, {}, **said)
    return store


def empty(path: Path) -> Store:
    return Store.open(path)


@pytest.mark.parametrize(
    ("name", "what", "container"),
    [
        *((*one, "jsonl") for one in ALL),
        ("preferences", "pairs", "csv"),
        ("preferences", "pairs", "datasets"),
        ("judgements", "judgements", "parquet"),
        ("judgements", "judgements", "csv"),
        ("instructions", "labels", "parquet"),
    ],
)
def test_a_file_into_an_empty_project_and_out_again_is_the_same_file(
    full: Store, tmp_path: Path, name: str, what: str, container: str
) -> None:
    first, second = tmp_path / f"1.{container}", tmp_path / f"2.{container}"
    report = export(full, first, what, format=name, container=container)
    assert report.rows > 5
    other = empty(tmp_path / "other")
    came = import_file(other, first)
    assert came.skipped == []
    rules = Rules(merge_votes=False) if what == "pairs" else None
    assert export(other, second, what, format=name, container=container, rules=rules).rows == report.rows
    if what == "judgements":  # whose rows have ids of their own in every project
        assert said_in(first, name) == said_in(second, name)
    else:
        assert read_bytes(first) == read_bytes(second)
    again = import_file(other, first)
    assert (sum(again.added.values()), again.already_there) == (0, report.rows)
    other.close()


def said_in(path: Path, name: str) -> list[tuple]:
    shape = shape_for("judgements", name)[1]
    return [shape._essence(item) for item in FORMATS[name].read(path) if isinstance(item, Item)]


@pytest.mark.parametrize("name", [name for name, what in ALL if what == "judgements"])
def test_two_judgements_that_say_the_same_stay_two_and_come_home_as_none(
    store: Store, tmp_path: Path, name: str
) -> None:
    prompt, _ = store.prompts.add("Hi")
    ids = [store.responses.add(prompt.id, text).id for text in "ab"]
    for _ in range(2):
        store.feedback.add("comparison", prompt.id, ids, {"choice": "a"}, annotator="you")
    export(store, tmp_path / "a.json", "judgements", format=name)
    other = empty(tmp_path / "other")
    assert import_file(other, tmp_path / "a.json").added == {"prompts": 1, "responses": 2, "feedback": 2}
    assert sum(import_file(other, tmp_path / "a.json").added.values()) == 0
    home = import_file(store, tmp_path / "a.json")
    assert (sum(home.added.values()), home.already_there) == (0, 2)
    other.close()


def read_bytes(path: Path) -> Any:
    return (path / "data-00000-of-00001.arrow").read_bytes() if path.is_dir() else path.read_bytes()


def test_every_kind_of_judgement_comes_back_whole_in_our_own_format(full: Store, tmp_path: Path) -> None:
    export(full, tmp_path / "a.parquet", "judgements")
    other = empty(tmp_path / "other")
    import_file(other, tmp_path / "a.parquet")
    assert facts(other) == facts(full)
    other.close()


def facts(store: Store) -> list[tuple]:
    return [
        (item.kind, item.value, item.annotator, item.comment, item.reasons, store.prompts.find(item.prompt_id).hash,
         [store.responses.find(id_).text for id_ in item.response_ids])
        for item in store.feedback.list() if item.kind != "skip"
    ]  # fmt: skip


def test_a_margin_is_kept_where_the_shape_has_a_place_for_it(store: Store, tmp_path: Path) -> None:
    prompt, _ = store.prompts.add("Hi")
    ids = [store.responses.add(prompt.id, text).id for text in "abc"]
    store.feedback.add("rating", prompt.id, ids, {"ratings": [5, 1, 2]})
    margins = {}
    for name in ("preferences", "preferences-implicit", "hh", "instructions", "sharegpt", "openai"):
        export(store, tmp_path / name, "pairs", format=name)
        other = empty(tmp_path / f"{name}-project")
        import_file(other, tmp_path / name)
        margins[name] = sorted(pair.margin for pair in convert(other.feedback.judgements()).pairs)
        other.close()
    assert margins.pop("preferences") == margins.pop("preferences-implicit") == [1.0, 3.0, 4.0]
    assert set(map(tuple, margins.values())) == {(1.0, 1.0, 1.0)}


def test_stars_become_good_or_bad_and_three_are_neither(store: Store, tmp_path: Path) -> None:
    prompt, _ = store.prompts.add("Hi")
    ids = [store.responses.add(prompt.id, text).id for text in "abcd"]
    store.feedback.add("rating", prompt.id, ids, {"ratings": [5, 3, 2, 4]})
    report = export(store, tmp_path / "a.jsonl", "labels")
    assert report.left_out == {"Three stars are neither good nor bad.": 1}
    rows = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [(row["label"], row["rating"]) for row in rows] == [(True, 5.0), (False, 2.0), (True, 4.0)]
    assert export(store, tmp_path / "k.jsonl", "labels", format="instructions").rows == 3


def test_what_a_transcript_cannot_hold_is_left_out_and_counted(store: Store, tmp_path: Path) -> None:
    for text in ("plain", "has\n\nHuman: inside"):
        prompt, _ = store.prompts.add(text)
        ids = [store.responses.add(prompt.id, answer).id for answer in ("a", "b")]
        store.feedback.add("comparison", prompt.id, ids, {"choice": "a"})
    report = export(store, tmp_path / "a.jsonl", "pairs", format="hh")
    assert (report.rows, sum(report.left_out.values())) == (1, 1)
    row = json.loads((tmp_path / "a.jsonl").read_text())
    assert row["chosen"] == "\n\nHuman: plain\n\nAssistant: a"


def test_trl_reads_what_is_written_for_it(full: Store, tmp_path: Path) -> None:
    from datasets import load_dataset, load_from_disk
    from trl.data_utils import extract_prompt, is_conversational

    for name in ("preferences", "preferences-implicit"):
        export(full, tmp_path / name, "pairs", format=name, container="datasets")
        row = load_from_disk(str(tmp_path / name))[0]
        assert is_conversational(row)
        assert extract_prompt(row)["chosen"][0]["role"] == "assistant"
    export(full, tmp_path / "a.parquet", "labels")
    loaded = load_dataset("parquet", data_files=str(tmp_path / "a.parquet"), cache_dir=str(tmp_path / "cache"))
    assert isinstance(loaded["train"][0]["label"], bool)


def test_a_shape_and_a_container_that_do_not_exist_are_said_so(store: Store, tmp_path: Path) -> None:
    with pytest.raises(WorkbenchError, match="Labels cannot be written as hh"):
        export(store, tmp_path / "a", "labels", format="hh")
    with pytest.raises(WorkbenchError, match="no container called xlsx"):
        export(store, tmp_path / "a", "labels", container="xlsx")
    with pytest.raises(WorkbenchError, match="do not fit into parquet"):
        export(store, tmp_path / "a.parquet", "judgements", format="argilla")
    with pytest.raises(WorkbenchError, match="There is a folder"):
        export(store, tmp_path, "labels", container="datasets")
    assert {shape.what for shapes in SHAPES.values() for shape in shapes} == set(WHAT)
    assert [path for path in tmp_path.iterdir() if ".part" in path.name] == []
