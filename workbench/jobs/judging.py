"""From who is to judge and what to a run: the judge's row, the answers that it was not asked about yet, its folder."""

from __future__ import annotations

import dataclasses
import json
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any
from urllib.parse import urlsplit

from ..errors import WorkbenchError
from ..feedback.base import Judgement
from ..feedback.opinions import said, standings
from ..methods import judging as rewarding_judge
from ..methods import rewarding
from ..methods.base import options_from
from ..methods.rewarding import conversation
from ..store import Model, Prompt, Run, Store
from ..store.judges import judge_id, rubric_id
from ..store.records import JudgeRecord
from . import frozen
from .preparing import reference, versions
from .spec import JobSpec
from .tasks.judge import Options

WHICH = ("all", "judged", "unjudged")
"""Answers whoever judged them, those that people have judged, or those that nobody has."""
FEW = 4
"""Up to so many answers to a prompt are compared each with each; of more, each with the next."""
SECONDS = {"server": 2.0, "model": 0.5, "reward": 0.2, "rule": 0.001}
"""A guess of a verdict's time, until the judge gave one."""

Sides = tuple[str, str]


@dataclass(frozen=True)
class Order:
    """Who is to judge, by which rubric, and what.

    kind: "server" (url, model: its name there), "model" or "reward" (model_id), "rule" (rule). limit: 0 for all.
    """

    kind: str
    rubric: str = ""
    url: str = ""
    model: str = ""
    model_id: str = ""
    rule: str = "none"
    rule_words: int = 50
    rule_pattern: str = ""
    compares: bool = False
    which: str = "all"
    tag: str | None = None
    split: str | None = None
    prompt_ids: tuple[str, ...] | None = None
    limit: int = 0
    knobs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """More of the task's options: steps, at_once, price_in, price_out, device, dtype, batch_size."""


def options_of(order: Order) -> Options:
    """The task's options. Raises WorkbenchError for a judge that cannot be asked."""
    about = {name: getattr(order, name) for name in ("kind", "compares", "rule", "rule_words", "rule_pattern")}
    server = order.kind == "server"
    named = {"judge_url": order.url, "judge_model": order.model} if server else {}
    text = {"rubric": order.rubric or rewarding_judge.RUBRIC}
    options = options_from(Options, about | named | text | dict(order.knobs))
    if server and not order.url:
        raise WorkbenchError("No server was named to judge.", "Write its address, as http://localhost:8080/v1.")
    if order.kind == "rule" and order.rule == "none":
        raise WorkbenchError("No rule was chosen to judge.", "Choose length, pattern, match or exact.")
    rewarding.check(options)
    return options


@dataclass(frozen=True)
class Identity:
    """What makes a judge: what people call it, what it is, and the text that it goes by."""

    called: str
    about: Mapping[str, Any]
    rubric: str
    written: bool


def identity(store: Store, order: Order) -> Identity:
    """The judge that an order names. Raises WorkbenchError when it cannot be one."""
    options = options_of(order)
    if order.kind == "server":
        called = f"{order.model} on {urlsplit(order.url).netloc}"
        return Identity(called, {"url": order.url, "model": order.model}, options.rubric, True)
    if order.kind == "rule":
        about: dict[str, Any] = {"rule": order.rule}
        about |= {"words": order.rule_words} if order.rule == "length" else {}
        about |= {"pattern": order.rule_pattern} if order.rule in ("pattern", "match") else {}
        return Identity(f"rule {order.rule}", about, rule_words(order), False)
    model = _model(store, order)
    reads = order.kind == "model"
    rubric = options.rubric if reads else f"What {model.name} learned."
    return Identity(model.name, {"model_id": model.id, "hash": model.hash}, rubric, reads)


def judge_for(store: Store, order: Order) -> JudgeRecord:
    """The judge that an order names, made when it is new. Raises WorkbenchError when it cannot be one."""
    who = identity(store, order)
    return store.judges.add(who.called, order.kind, who.about, store.judges.add_rubric(who.rubric, written=who.written))


def _known(store: Store, order: Order) -> str:
    """The id of the judge that an order names, whether it is there or not."""
    who = identity(store, order)
    return judge_id(order.kind, who.about, rubric_id(who.rubric))


def _model(store: Store, order: Order) -> Model:
    if not order.model_id:
        raise WorkbenchError("No model was chosen to judge.", "Choose one of the project's.")
    model = store.models.find(order.model_id)
    if (model.kind == "reward") != (order.kind == "reward"):
        what = "is no reward model" if order.kind == "reward" else "scores answers and cannot read a rubric"
        raise WorkbenchError(f"{model.name} {what}.", "Choose another model, or have it judge as what it is.")
    return model


def rule_words(order: Order) -> str:
    """What a rule looks for, which is its rubric."""
    return {
        "length": f"The answer has about {order.rule_words} words.",
        "pattern": f"The regular expression {order.rule_pattern} is found in the answer.",
        "match": f"The regular expression {order.rule_pattern} matches the whole answer.",
        "exact": "The answer comes to the prompt's right answer.",
    }.get(order.rule, "")


# --- what is judged


def people_ratings(judgements: Iterable[Judgement]) -> dict[str, dict[str, float]]:
    """By answer what each person gave it, from 1 to 5; a person's last word counts."""
    found: dict[str, dict[str, float]] = {}
    for judgement in judgements:
        if judgement.kind == "rating":
            for _, (item, who, value) in said(judgement):
                found.setdefault(item[0], {})[who] = value
    return found


def people_sides(judgements: Iterable[Judgement]) -> dict[Sides, dict[str, float]]:
    """By two answers, the smaller id first, how each person sees them: 1 the first is better, -1 the other, 0 neither.

    From comparisons and rankings, and where a person made none of the two, from the stars that they gave both.
    """
    direct: dict[Sides, dict[str, float]] = {}
    rated: dict[tuple[str, str], dict[str, float]] = {}
    for judgement in judgements:
        if judgement.kind in ("comparison", "ranking"):
            for _, (item, who, value) in said(judgement):
                direct.setdefault((item[0], item[1]), {})[who] = value
        elif judgement.kind == "rating":
            given = zip(judgement.answers, standings("rating", judgement.value, len(judgement.answers)), strict=True)
            own = rated.setdefault((judgement.prompt_id, judgement.annotator), {})
            own.update((answer.id, stars) for answer, stars in given if stars is not None)
    for (_, who), own in rated.items():
        for one, other in combinations(sorted(own), 2):
            direct.setdefault((one, other), {}).setdefault(
                who, float(own[one] > own[other]) - float(own[one] < own[other])
            )
    return direct


def rows_of(store: Store, order: Order, asked_of: str = "") -> list[dict[str, Any]]:
    """What a judge is asked about by an order, without what it was asked before; a limit takes some of all over."""
    if order.which not in WHICH:
        raise WorkbenchError(f"There is no choice called {order.which}.", f"Choose one of {', '.join(WHICH)}.")
    prompts = {prompt.id: prompt for prompt in _prompts(store, order)}
    asked = store.judges.asked(asked_of) if asked_of else set()
    references = _references(store) if order.rule == "exact" else {}
    wanted = [each for each in _wanted(store, order, prompts) if frozenset(each) not in asked]
    wanted.sort(key=lambda each: tuple(id_[::-1] for id_ in each))  # ids are drawn by chance, a file's too
    texts = _texts(store, wanted[: order.limit or None])
    return [_row(order, each, texts, prompts, references) for each in wanted[: order.limit or None]]


def _prompts(store: Store, order: Order) -> list[Prompt]:
    chosen = None if order.prompt_ids is None else set(order.prompt_ids)
    found = store.prompts.list(tag=order.tag, split=order.split)
    return [prompt for prompt in found if chosen is None or prompt.id in chosen]


def _wanted(store: Store, order: Order, prompts: Mapping[str, Prompt]) -> list[tuple[str, ...]]:
    """Answers alone, or in twos; those of one prompt that say the same are not compared."""
    by_prompt: dict[str, list[tuple[str, str]]] = {}
    for row in store.rows("SELECT id, prompt_id, text FROM responses WHERE trim(text) <> '' ORDER BY id"):
        if row["prompt_id"] in prompts:
            by_prompt.setdefault(row["prompt_id"], []).append((row["id"], row["text"]))
    judgements = store.feedback.judgements()
    if not order.compares:
        rated = people_ratings(judgements)
        alone = (id_ for answers in by_prompt.values() for id_, _ in answers)
        return [(id_,) for id_ in alone if _lets(order, id_ in rated)]
    seen = people_sides(judgements)
    texts = {id_: text for answers in by_prompt.values() for id_, text in answers}
    twos = dict.fromkeys([*(each for each in seen if set(each) <= set(texts)), *_twos(by_prompt.values())])
    return [each for each in twos if texts[each[0]] != texts[each[1]] and _lets(order, each in seen)]


def _lets(order: Order, by_people: bool) -> bool:
    return order.which == "all" or by_people == (order.which == "judged")


def _twos(prompts: Iterable[Sequence[tuple[str, str]]]) -> Iterator[Sides]:
    for answers in prompts:
        ids = sorted(id_ for id_, _ in answers)
        if len(ids) <= FEW:
            yield from combinations(ids, 2)
        else:
            ring = zip(ids, [*ids[1:], ids[0]], strict=True)
            yield from ((min(two), max(two)) for two in ring)


def _texts(store: Store, wanted: Sequence[tuple[str, ...]]) -> dict[str, dict[str, Any]]:
    sql = "SELECT id, prompt_id, text FROM responses WHERE id IN (SELECT value FROM json_each(?))"
    return {row["id"]: row for row in store.rows(sql, [json.dumps([id_ for each in wanted for id_ in each])])}


def _references(store: Store) -> dict[str, str]:
    """Right answers that were imported or written from blank: an answer that people liked would tell the judge so."""
    found = {}
    for item in store.feedback.list(kinds=["edit"]):
        if item.value["of"] is None:
            found[item.prompt_id] = item.value["text"]
    return found


def _row(
    order: Order, ids: tuple[str, ...], texts: Mapping[str, Mapping[str, Any]], prompts: Mapping[str, Prompt],
    references: Mapping[str, str],
) -> dict[str, Any]:  # fmt: skip
    prompt = prompts[texts[ids[0]]["prompt_id"]]
    return {
        "kind": "comparison" if order.compares else "rating",
        "prompt_id": prompt.id,
        "messages": list(prompt.messages),
        "prompt": conversation(prompt.messages),
        "ids": list(ids),
        "texts": [texts[id_]["text"] for id_ in ids],
        "reference": references.get(prompt.id),
    }


# --- the run


@dataclass(frozen=True)
class Estimate:
    """What an order comes to: how many are asked about, how many seconds and how much money it takes.

    known: whether the judge gave verdicts before, by which this is told.
    """

    count: int
    seconds: float
    cost: float
    known: bool


def estimate(store: Store, order: Order) -> Estimate:
    """What an order would come to. Raises WorkbenchError for one that cannot be carried out."""
    options, judge = options_of(order), _known(store, order)
    rows = rows_of(store, order, judge)
    before = store.judges.verdicts(judge, "comparison" if order.compares else "rating")[-100:]
    each = statistics.median(said.seconds for said in before) if before else SECONDS[order.kind] * (1 + order.compares)
    at_once = options.at_once if order.kind == "server" else 1
    if before:
        tokens = [sum(getattr(said, name) for said in before) / len(before) for name in ("tokens_in", "tokens_out")]
    else:  # about four letters a token, and a short reply
        letters = sum(len(row["prompt"]) + sum(map(len, row["texts"])) + len(options.rubric) for row in rows)
        tokens = [(letters / 4 / max(1, len(rows)) + 100) * (1 + order.compares), 5.0 * (1 + order.compares)]
    cost = len(rows) * (tokens[0] * options.price_in + tokens[1] * options.price_out) / 1e6
    return Estimate(len(rows), len(rows) * each / at_once, cost, bool(before))


def prepare(store: Store, order: Order) -> tuple[Run, JobSpec]:
    """A waiting run that asks the judge about everything that an order names and that it was not asked about yet.

    Raises WorkbenchError before anything is written when there is nothing, or the judge cannot be asked.
    """
    options, judge = options_of(order), judge_for(store, order)
    rows = rows_of(store, order, judge.id)
    if not rows:
        before = bool(store.judges.asked(judge.id))
        text = "This judge was asked about all of it already." if before else "There is nothing to judge."
        hint = "Choose other answers, or change the rubric." if before else "Generate or import answers."
        raise WorkbenchError(text, hint)
    if order.kind == "server":
        rewarding_judge.library()
    model = reference(store, order.model_id) if order.kind in ("model", "reward") else None
    plain = dataclasses.asdict(dataclasses.replace(options, judge_id=judge.id))
    reward = order.kind == "reward"
    ids = {"reward_id": order.model_id} if reward else {"model_id": order.model_id or None}
    run = store.runs.add(name=f"{judge.name}, {_number(store)}", method="judge", options=plain, **ids)
    folder = store.runs_folder / run.id
    folder.mkdir(parents=True, exist_ok=True)
    frozen.write_answers(rows, folder)
    spec = JobSpec(run.id, "judge", plain, str(folder), None if reward else model, model if reward else None)
    store.runs.update(run.id, spec=spec.to_json(), log_path=str(folder / "log.txt"), versions=versions())
    return store.runs.find(run.id), spec


def _number(store: Store) -> int:
    return 1 + len(store.runs.list("judge"))
