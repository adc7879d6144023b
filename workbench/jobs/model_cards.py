"""The model card of a model that was trained here, filled from what the project knows of how it was made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..methods import METHODS
from ..methods.base import knobs
from ..store import Model, Run, Store


def card(store: Store, model: Model) -> str:
    """Markdown with the metadata block that the Hugging Face hub reads.

    Holds no prompt or answer, no person's name and no path or address: it may be published.
    """
    base = store.models.base_of(model) if model.kind == "adapter" else model
    run = store.runs.find(model.run_id) if model.run_id else None
    parts = [_head(store, model, base, run), f"# {model.name}", ""]
    if run is None:
        came = f" from `{model.location}`" if model.source == "hub" else ""
        parts.append(f"{model.name}, as it was added to Feedback Workbench{came}.")
        return "\n".join(parts) + "\n"
    method = METHODS.get(run.method)
    adapted = base.id != model.id
    words = f"{base.name if adapted else 'A model'}, trained with {method.title if method else run.method} in Feedback "
    parts.append(f"{words}Workbench." + (" The adapter is merged into the weights." if adapted else ""))
    parts += ["", "## How it was made", "", *_made(store, run, method)]
    if measured := list(_measured(store, model)):
        parts += ["", "## Base and tuned on held-out prompts", "", *measured]
    return "\n".join(parts) + "\n"


def _head(store: Store, model: Model, base: Model, run: Run | None) -> str:
    parent = base if base.id != model.id else store.models.find(model.parent_id) if model.parent_id else None
    licence = model.licence or base.licence
    lines = ["---"]
    if licence:
        lines.append(f"license: {licence}")
    if parent is not None:
        lines.append(f"base_model: {json.dumps(parent.location if parent.source == 'hub' else parent.name)}")
    lines += ["library_name: transformers", "pipeline_tag: text-generation"]
    if run is not None:
        lines.append(f"tags: [feedback-workbench, {run.method}]")
    return "\n".join([*lines, "---", ""])


def _made(store: Store, run: Run, method: Any) -> Iterator[str]:
    count = store.runs.count_feedback(run.id)
    counts = ", ".join(f"{number:,} {kind}" for kind, number in _kinds(store, run).items())
    yield f"- Judgements: {count:,}" + (f" ({counts})" if counts else "")
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
