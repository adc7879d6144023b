"""The model card of a model that was trained here, filled from what the project knows of how it was made."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from ..feedback import KINDS
from ..methods import METHODS
from ..methods.base import knobs
from ..store import Model, Run, Store
from .learned import judges_of

HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def hub_id(model: Model) -> str:
    """Where a model is on the hub; "" for one that is not known to come from there. Never a path."""
    if model.source == "hub":
        return next((each for each in (model.note, model.location) if HUB_ID.fullmatch(each)), "")
    return "HuggingFaceTB/SmolLM2-135M-Instruct" if model.source == "starter" else ""


def card(store: Store, model: Model, form: str = "folder") -> str:
    """Markdown with the metadata block that the Hugging Face hub reads. form: what the card lies beside, as the
    formats of an export are called.

    Holds no prompt or answer, no person's name and no path or address: it may be published.
    """
    base = store.models.base_of(model) if model.kind == "adapter" else model
    run = store.runs.find(model.run_id) if model.run_id else None
    parts = [_head(store, model, base, run, form), f"# {model.name}", ""]
    if run is None:
        came = f" from `{hub_id(model)}`" if hub_id(model) else ""
        parts.append(f"{model.name}, as it was added to Feedback Workbench{came}.")
        return "\n".join(parts) + "\n"
    method = METHODS.get(run.method)
    adapted = base.id != model.id
    words = f"{base.name if adapted else 'A model'}, trained with {method.title if method else run.method} in Feedback "
    parts.append(f"{words}Workbench." + (ADAPTER[form == "adapter"] if adapted else ""))
    parts += ["", "## How it was made", "", *_made(store, run, method)]
    if measured := list(_measured(store, model)):
        parts += ["", "## Base and tuned on held-out prompts", "", *measured]
    return "\n".join(parts) + "\n"


ADAPTER = (" The adapter is merged into the weights.", " This is the adapter alone: put it on its base with peft.")
LIBRARIES = {"adapter": "peft", "gguf": "gguf", "ollama": "gguf"}


def _head(store: Store, model: Model, base: Model, run: Run | None, form: str) -> str:
    parent = base if base.id != model.id else store.models.find(model.parent_id) if model.parent_id else None
    licence = model.licence or base.licence
    lines = ["---"]
    if licence:
        lines.append(f"license: {licence}")
    if parent is not None:
        lines.append(f"base_model: {json.dumps(hub_id(parent) or parent.name)}")
    lines += [f"library_name: {LIBRARIES.get(form, 'transformers')}", "pipeline_tag: text-generation"]
    if run is not None:
        lines.append(f"tags: [feedback-workbench, {run.method}]")
    return "\n".join([*lines, "---", ""])


def _made(store: Store, run: Run, method: Any) -> Iterator[str]:
    count = store.runs.count_feedback(run.id)
    counts = ", ".join(f"{number:,} {kind}" for kind, number in _kinds(store, run).items())
    yield f"- Judgements: {count:,}" + (f" ({counts})" if counts else "")
    yield from _agreement(store, run)
    yield from _by_judges(store, run)
    if run.reward_id:
        reward = store.models.find(run.reward_id)
        right = reward.info.get("accuracy")
        said = f", right on {right:.1%} of held-out pairs" if isinstance(right, float) else ""
        yield f"- Reward model: {reward.name}{said}"
    yield f"- Steps: {run.step:,} of {run.total:,} on {run.device or 'an unknown device'}"
    # What is typed freely may be a person's name, a path or an address.
    told = [knob for knob in knobs(method.Options) if knob.type is not str or knob.choices] if method else []
    other = {knob.name: run.options.get(knob.name, knob.default) for knob in told}
    other = {knob.name: other[knob.name] for knob in told if other[knob.name] != knob.default}
    if other:
        yield "- Settings other than usual: " + ", ".join(f"{key} {value}" for key, value in sorted(other.items()))
    yield "- Versions: " + ", ".join(f"{package} {version}" for package, version in sorted(run.versions.items()))


def _by_judges(store: Store, run: Run) -> Iterator[str]:
    """How many verdicts of judges the run learned from, itself or through its reward model. No judge's name: it may
    hold an address."""
    if own := sum(judges_of(store, run).values()):
        yield f"- Judgements by models or rules: {own:,}, not by people"
    taught = store.models.find(run.reward_id).run_id if run.reward_id else None
    if taught and (through := sum(judges_of(store, store.runs.find(taught)).values())):
        yield f"- Judgements by models or rules in its reward model: {through:,}, not by people"


def _agreement(store: Store, run: Run) -> Iterator[str]:
    """How far people agreed in what the run learned from, where two of them judged the same."""
    from .reporting import agreement_of

    sql = """SELECT feedback_id FROM run_feedback JOIN feedback ON feedback.id = feedback_id
        WHERE run_feedback.run_id = ? AND repeat_of IS NULL"""
    used = {row["feedback_id"] for row in store.rows(sql, [run.id])}
    found = agreement_of([each for each in store.feedback.judgements() if each.id in used])
    for kind, agreed in found.items():
        # What a rubric asks about is typed freely.
        if kind in KINDS and math.isfinite(agreed.alpha.value):
            people = len(agreed.people)
            yield (
                f"- Agreement of {people} people: Krippendorff's alpha {agreed.alpha.value:.2f} for {kind}, over "
                f"{agreed.units:,} answers that two or more of them judged"
            )


def _kinds(store: Store, run: Run) -> dict[str, int]:
    rows = store.rows(
        """SELECT kind, COUNT(*) AS n FROM feedback JOIN run_feedback ON run_feedback.feedback_id = feedback.id
        WHERE run_feedback.run_id = ? GROUP BY kind ORDER BY n DESC""",
        [run.id],
    )
    return {row["kind"]: row["n"] for row in rows}


def _measured(store: Store, model: Model) -> Iterator[str]:
    """The newest evaluation that compared this model, as a table."""
    for run in store.runs.list("evaluate"):
        others = [other.get("id") for other in run.spec.get("others", ())]
        if run.status == "finished" and others[1:] == [model.id]:
            rows = {key: found for key, found in run.summary.items() if isinstance(found, dict) and "tuned" in found}
            yield f"{run.summary.get('prompts', 0)} prompts that training did not see."
            yield ""
            yield "| | base | tuned | change, 95 % interval |"
            yield "|---|---|---|---|"
            for key, found in rows.items():
                low, high = found["ci"]
                yield f"| {key} | {found['base']:.3f} | {found['tuned']:.3f} | {low:+.3f} to {high:+.3f} |"
            return
