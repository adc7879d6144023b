"""Projects made apart: small programs of everything that a person does, and what a project holds whatever its order."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import types
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

from hypothesis import strategies as st

from workbench.feedback import ASIDE
from workbench.store import Store, bulk, saved_filters
from workbench.store.connecting import dbapi
from workbench.store.exchange.exporting import export_store
from workbench.store.exchange.importing import import_file
from workbench.store.filtering import Filter
from workbench.store.queueing import counts_left

PEOPLE = ("you", "Noor")
WORDS = ("kettle", "lamp", "window")

_SOUGHT = (*WORDS, "answer", "imported")

Step = tuple[str, int, int]


@contextlib.contextmanager
def chance(seed: int) -> Iterator[None]:
    """Ids by a seed, and everywhere new ones: older versions gave the same prompt another id in each project."""
    rng = random.Random(seed)
    fresh = types.SimpleNamespace(uuid4=lambda: uuid.UUID(int=rng.getrandbits(128)))
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch("workbench.store.rows.uuid", fresh))
        for module in ("prompts", "feedback"):
            apart = mock.Mock(side_effect=lambda key: fresh.uuid4().hex)
            stack.enter_context(mock.patch(f"workbench.store.{module}.id_of", apart))
        yield


def opened(folder: Path) -> Store:
    """A project without the care for power cuts, which is not what is tested here."""
    store = Store.open(folder)
    store.db.execute("PRAGMA synchronous = OFF")
    return store


class Projects:
    """Projects in a folder, closed together."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number, self.stores = folder, itertools.count(), []

    def new(self) -> Store:
        return self._open(self._folder / f"project {next(self._number)}")

    def copy(self, store: Store) -> Store:
        """The same project in another folder, as a copied file."""
        folder = self._folder / f"project {next(self._number)}"
        folder.mkdir()
        target = dbapi.connect(str(folder / "project.db"))
        store.db.conn.backup(target)
        target.close()
        return self._open(folder)

    def _open(self, folder: Path) -> Store:
        self.stores.append(opened(folder))
        return self.stores[-1]

    def file(self, store: Store) -> Path:
        path = self._folder / f"export {next(self._number)}.jsonl"
        export_store(store, path)
        return path

    def merged(self, first: Store, *others: Store) -> Store:
        """A copy of the first with the others imported, one after the other."""
        whole = self.copy(first)
        for other in others:
            import_file(whole, self.file(other))
        return whole

    def close(self) -> None:
        for store in self.stores:
            store.close()


# ---- programs ----


def steps(most: int = 12) -> st.SearchStrategy[list[Step]]:
    """What is done, with two numbers that choose to what."""
    return st.lists(st.tuples(st.sampled_from(sorted(_DOING)), st.integers(0, 5), st.integers(0, 5)), max_size=most)


def run(store: Store, program: Sequence[Step]) -> None:
    """Do all of it."""
    for name, first, second in program:
        _DOING[name](store, first, second)


def everything(store: Store) -> None:
    """One of each, and then some."""
    run(store, [("ask", 0, 0), ("answer", 0, 0), ("answer", 0, 1), ("answer", 0, 2)])
    run(store, [(name, number, number) for number in (0, 1) for name in _DOING])


def _pick(store: Store, table: str, number: int) -> str | None:
    rows = store.rows(f"SELECT id FROM {table} ORDER BY rowid")
    return rows[number % len(rows)]["id"] if rows else None


def _ask(store: Store, first: int, second: int) -> None:
    store.prompts.add(WORDS[first % 3], tags=[WORDS[second % 3]], source=f"file {second % 2}")


def _answer(store: Store, first: int, second: int) -> None:
    if prompt := _pick(store, "prompts", first):
        store.responses.add(prompt, f"{WORDS[second % 3]} answer")


def _import_answer(store: Store, first: int, second: int) -> None:
    if prompt := _pick(store, "prompts", first):
        key = f"{store.prompts.find(prompt).text}/{second % 2}"
        store.responses.add(prompt, f"imported {second % 2}", import_key=key, source=f"file {first % 2}")


def _judge(store: Store, first: int, second: int) -> None:
    prompt = _pick(store, "prompts", first)
    ids = [answer.id for answer in store.responses.of_prompt(prompt)][: 1 + second % 2] if prompt else []
    if ids:
        current = store.guidelines.current()
        said = ("rating", {"ratings": [second % 5 + 1] * len(ids)}) if second < 4 else (ASIDE[first % 3], {})
        about = {"guideline_id": current.id if current else None, "comment": WORDS[second % 3]}
        store.feedback.add(said[0], prompt, ids, said[1], annotator=PEOPLE[first % 2], **about)


def _import_judgement(store: Store, first: int, second: int) -> None:
    prompt = _pick(store, "prompts", first)
    imported = [answer for answer in store.responses.of_prompt(prompt) if answer.import_key] if prompt else []
    if imported:
        key = f"{imported[0].import_key}/{second % 2}"
        value = {"ratings": [second % 2 + 1]}
        store.feedback.add("rating", prompt, [imported[0].id], value, annotator="crowd", import_key=key)


def _repeat(store: Store, first: int, second: int) -> None:
    made = [item for item in store.feedback.list(kinds=["rating"]) if not item.import_key and not item.repeat_of]
    if made:
        item = made[first % len(made)]
        value = {"ratings": [second % 5 + 1] * len(item.response_ids)}
        store.feedback.add(
            "rating", item.prompt_id, item.response_ids, value, annotator=item.annotator, repeat_of=item.id
        )


def _retract(store: Store, first: int, second: int) -> None:
    if id_ := _pick(store, "feedback", first):
        (bulk.restore if second % 3 == 0 else bulk.retract)(store, [id_], PEOPLE[second % 2])


def _tag(store: Store, first: int, second: int) -> None:
    if prompt := _pick(store, "prompts", first):
        (bulk.untag if second % 3 == 0 else bulk.tag)(store, [prompt], WORDS[second % 3], PEOPLE[first % 2])


def _flag(store: Store, first: int, second: int) -> None:
    if prompt := _pick(store, "prompts", first):
        bulk.flag(store, [(prompt, [a.id for a in store.responses.of_prompt(prompt)[:1]])], PEOPLE[second % 2])


def _queue(store: Store, first: int, second: int) -> None:
    if answer := _pick(store, "responses", first):
        store.responses.queue([answer], second % 2 == 0)


def _filter(store: Store, first: int, second: int) -> None:
    kept = saved_filters.saved(store)
    if kept and second > 2:
        change = {"name": f"{WORDS[first % 3]} {len(kept)} again"}
        names = {each.name for each in kept}
        if change["name"] not in names:
            saved_filters.rename(store, kept[first % len(kept)].id, change["name"], "you")
    elif len(kept) < 3:
        prompt = _pick(store, "prompts", first)
        saved_filters.save(store, f"{len(kept)} of {first}", Filter(prompt_ids=(prompt,) if prompt else None), "you")


def _model(store: Store, first: int, second: int) -> None:
    if (known := _pick(store, "models", first)) and second > 2:
        if second == 5:
            store.models.rename(known, f"{WORDS[first % 3]} model")
        else:
            (store.models.remove if second == 3 else store.models.restore)(known)
    else:
        store.models.add(name="tiny", kind="base", source="local", location=f"/models/{first}", parent_id=known)


def _run(store: Store, first: int, second: int) -> None:
    """A run that begins, or one that is here and goes further."""
    run_id = _pick(store, "runs", first)
    if run_id is None or second == 0:
        run_id = store.runs.add(name="ppo", method="ppo", options={"step": first}).id
    store.runs.update(run_id, status="running", pid=0, started_at=f"2026-01-0{first + 1}")
    store.runs.add_metrics(run_id, second, {"loss": first / 7, "kl": None if first == 2 else 0.1})
    if second % 2:
        store.runs.add_warning(run_id, second, "kl", f"KL is {first}")
    for _ in range(second % 3):
        prompt = _pick(store, "prompts", first) or ""
        store.runs.add_sample(_sample(run_id, first % 2, prompt))
    store.runs.freeze(run_id, [id_ for id_ in [_pick(store, "feedback", second)] if id_], "hash")
    ended = {2: "finished", 3: "stopped", 4: "failed"}.get(second)
    if ended:
        store.runs.update(run_id, status=ended, ended_at=f"2026-02-0{first + 1}", summary={"reward": second})


def _sample(run_id: str, step: int, prompt_id: str):
    from workbench.store import RunSample

    return RunSample(run_id, step, "kettle", "An answer.", {"reward": 1.5}, prompt_id)


_DOING = {
    "ask": _ask,
    "answer": _answer,
    "import answer": _import_answer,
    "judge": _judge,
    "import judgement": _import_judgement,
    "repeat": _repeat,
    "undo": lambda store, first, second: store.feedback.undo(PEOPLE[first % 2]),
    "redo": lambda store, first, second: store.feedback.redo(PEOPLE[first % 2]),
    "retract": _retract,
    "tag": _tag,
    "flag": _flag,
    "queue": _queue,
    "undo many": lambda store, first, second: bulk.undo(store, PEOPLE[first % 2]),
    "guidelines": lambda store, first, second: store.guidelines.add(f"Version {first}", PEOPLE[second % 2]),
    "setting": lambda store, first, second: store.set_setting(WORDS[first % 3], {"value": second}),
    "filter": _filter,
    "model": _model,
    "run": _run,
}


# ---- what a project holds ----


def content(store: Store, file: Path) -> list[str]:
    """Every line of its export, in no order."""
    return sorted(file.read_text(encoding="utf-8").splitlines())


def derived(store: Store) -> dict[str, list[tuple]]:
    """What the queue, the tags and the search know, without the order in which rows came."""
    queries = {
        "queue": "SELECT prompt_id, answers, judged FROM queue",
        "tags": "SELECT prompt_id, tag FROM prompt_tags",
        "judged": """SELECT j.annotator, j.kind, j.prompt_id, j.response_id, f.id FROM judged j
            JOIN feedback f ON f.seq = j.seq""",
        **{word: f"SELECT about, id FROM search WHERE search MATCH '{word}'" for word in _SOUGHT},
    }
    found = {name: sorted(tuple(row.values()) for row in store.rows(sql)) for name, sql in queries.items()}
    kinds = ("rating", "comparison", "ranking")
    found["left"] = [(who, kind, counts_left(store, kind, who)) for who in PEOPLE for kind in kinds]
    return found


def reckoned(store: Store) -> dict[str, list[tuple]]:
    """The same, worked out from the rows alone."""
    prompts, answers = store.prompts.list(), store.rows("SELECT * FROM responses")
    stands = [item for item in store.feedback.list() if item.run_id is None]
    counted = [item.prompt_id for item in stands if item.kind not in ASIDE]
    waiting = [row["prompt_id"] for row in answers if row["queued"]]
    texts = [("prompt", each.id, each.text) for each in prompts]
    texts += [("response", row["id"], row["text"]) for row in answers]
    texts += [("feedback", item.id, item.comment) for item in store.feedback.list(retracted=True)]
    found = {
        "queue": sorted((each.id, waiting.count(each.id), counted.count(each.id)) for each in prompts),
        "tags": sorted((each.id, tag) for each in prompts for tag in set(each.tags)),
    }
    for word in _SOUGHT:
        found[word] = sorted((about, id_) for about, id_, text in texts if word in text)
    return found


def lines(file: Path, table: str) -> list[dict]:
    """The rows of one table in an export."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row.get("table") == table]
