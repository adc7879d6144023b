"""The whole loop by itself: prompts, a real model, answers, judgements by a named rule, reward model, PPO, a verdict.

Everything but the judge is what a person uses. The judge is a rule, named in every place where a name stands.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import paths
from ..errors import StopRequested, WorkbenchError
from ..evaluation import report
from ..evaluation.intervals import bootstrap_mean
from ..evaluation.rules import Brief
from ..events import Event, Failed, Finished, Progress, Stopped
from ..store import Response, Run, Store
from ..store.exchange.importing import import_file
from . import adding, preparing, running

STEPS = (
    "Bring in the sample prompts",
    "Fetch the starter model",
    "Write answers",
    "Judge them by the rule",
    "Train the reward model",
    "Train with PPO",
    "Compare base and tuned on held-out prompts",
    "Write the report",
)


@dataclass(frozen=True)
class Plan:
    """How large the demo is. The usual sizes take about ten minutes on two CPU cores."""

    samples: int = 4
    answer_tokens: int = 64
    reward_epochs: int = 1
    ppo_steps: int = 16
    ppo_batch: int = 16
    evaluation_samples: int = 2
    seed: int = 17
    words: int = 40
    """Longest answer that the rule likes."""
    model: str = ""
    """A model folder or hub id instead of the starter."""


@dataclass(frozen=True)
class OfRun(Event):
    """An event of one of the demo's runs; it is in the store already."""

    run_id: str
    event: Event


class Demo:
    """One pass of the loop over a project."""

    def __init__(
        self, store: Store, out: Path, plan: Plan | None = None, stopping: Callable[[], bool] = lambda: False
    ) -> None:
        self.store = store
        self.out = out
        self.plan = plan or Plan()
        self.rule = Brief(self.plan.words)
        self.stopping = stopping
        self.begun = time.monotonic()
        self.model_id = ""
        self._child: Any = None

    def stop(self) -> None:
        """Stop the child that runs now; the demo ends after it."""
        if self._child is not None:
            self._child.stop()

    def run(self) -> Iterator[Event]:
        """Progress(step, 8, text) at each step, the runs' own events as OfRun, and at last Finished(report)."""
        try:
            yield from self._run()
        except StopRequested:
            yield Stopped()

    def _run(self) -> Iterator[Event]:
        yield self._at(0)
        import_file(self.store, paths.samples() / "prompts.jsonl")
        yield self._at(1)
        yield from self._model()
        yield self._at(2)
        yield from self._job("generate", self._writing(), name="Answers to judge")
        yield self._at(3)
        judged = self._judge()
        yield self._at(4)
        scoring = {"epochs": self.plan.reward_epochs, "evaluations": 4, "seed": self.plan.seed}
        reward = yield from self._job("reward", scoring)
        yield self._at(5)
        ppo = yield from self._job("ppo", self._learning(), reward_id=reward.result_id)
        yield self._at(6)
        evaluation = yield from self._job(
            "evaluate",
            self._measuring(),
            model_id=None,
            reward_id=reward.result_id,
            other_ids=[self.model_id, ppo.result_id or ""],
            split="held_out",
        )
        yield self._at(7)
        found = self._report(judged, reward, ppo, evaluation)
        write_report(self.out, found, self._curves(reward, ppo), self._examples(evaluation))
        yield Finished(found)

    def _at(self, step: int) -> Progress:
        if self.stopping():
            raise StopRequested
        return Progress(step, len(STEPS), STEPS[step])

    def _model(self) -> Iterator[Event]:
        if self.plan.model:
            self.model_id = adding.add_model(self.store, self.plan.model).id
            return
        for event in adding.fetch_starter(self.store):
            if isinstance(event, Finished):
                self.model_id = event.summary["model_id"]
            else:
                yield Progress(1, len(STEPS), event.text if isinstance(event, Progress) else STEPS[1])

    def _writing(self) -> dict[str, Any]:
        plan = self.plan
        return {"samples": plan.samples, "max_new_tokens": plan.answer_tokens, "temperature": 0.7, "seed": plan.seed}

    def _learning(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "steps": plan.ppo_steps,
            "batch_size": plan.ppo_batch,
            "max_new_tokens": plan.answer_tokens,
            "seed": plan.seed,
        }

    def _measuring(self) -> dict[str, Any]:
        plan = self.plan
        return {"samples": plan.evaluation_samples, "max_new_tokens": plan.answer_tokens, "seed": plan.seed + 1000}

    def _job(self, method: str, options: dict[str, Any], **fields: Any) -> Iterator[Event]:
        """Run one job in a child. Returns (to `yield from`) the run's row."""
        fields = {"model_id": self.model_id} | fields
        run, spec = preparing.prepare(self.store, method, options, **fields)

        def remember(child: Any) -> None:
            self._child = child

        for event in running.events_of(self.store, run, spec, remember):
            yield OfRun(run.id, event)
            if isinstance(event, Failed):
                raise WorkbenchError(event.text, event.hint)
            if isinstance(event, Stopped):
                raise StopRequested
        self._child = None
        return self.store.runs.find(run.id)

    def _judge(self) -> int:
        """Rate all answers to each prompt by the rule."""
        count = 0
        with self.store.writing():
            for prompt in self.store.prompts.list():
                answers = [item for item in self.store.responses.of_prompt(prompt.id) if item.source == "generated"]
                if answers:
                    ratings = {"ratings": [self.rule.stars(answer.text) for answer in answers]}
                    ids = [answer.id for answer in answers]
                    self.store.feedback.add("rating", prompt.id, ids, ratings, annotator=self.rule.name)
                    count += len(answers)
        return count

    def _report(self, judged: int, reward: Run, ppo: Run, evaluation: Run) -> dict[str, Any]:
        both = answers_by_role(self.store, evaluation.id)
        pairs = [
            (self.rule.score(base.text), self.rule.score(tuned.text), base.prompt_id)
            for base, tuned in zip(both["base"], both["tuned"], strict=True)
        ]
        groups = [prompt for _, _, prompt in pairs]
        wins = [1.0 if tuned > base else 0.5 if tuned == base else 0.0 for base, tuned, _ in pairs]
        gains = [tuned - base for base, tuned, _ in pairs]
        summary = evaluation.summary
        return {
            "rule": self.rule.name,
            "rule_text": self.rule.text,
            "model": self.store.models.find(self.model_id).name,
            "tuned_model": self.store.models.find(ppo.result_id or "").name,
            "held_out_prompts": len(set(groups)),
            "samples": len(pairs),
            "base": {"score": float(np.mean([base for base, _, _ in pairs])), **_side(summary, "base")},
            "tuned": {"score": float(np.mean([tuned for _, tuned, _ in pairs])), **_side(summary, "tuned")},
            "gain": float(np.mean(gains)),
            "gain_ci": list(bootstrap_mean(gains, groups=groups)),
            "win_rate": float(np.mean(wins)),
            "win_rate_ci": list(bootstrap_mean(wins, groups=groups)),
            "kl": summary["kl"]["tuned"],
            "reward_model": {
                key: reward.summary[key]
                for key in ("accuracy", "accuracy_ci", "longer_wins", "pairs", "held_out_pairs")
            },
            "judged_answers": judged,
            "ppo": {"steps": ppo.step, **{key: ppo.options[key] for key in ("batch_size", "learning_rate", "kl_coef")}},
            "device": ppo.device,
            "seconds": round(time.monotonic() - self.begun, 1),
            "versions": preparing.versions(),
        }

    def _curves(self, reward: Run, ppo: Run) -> dict[str, list[tuple[int, float | None]]]:
        return self.store.runs.metrics(reward.id) | self.store.runs.metrics(ppo.id)

    def _examples(self, evaluation: Run) -> list[dict[str, Any]]:
        both = answers_by_role(self.store, evaluation.id)
        shown: dict[str, dict[str, Any]] = {}
        for base, tuned in zip(both["base"], both["tuned"], strict=True):
            prompt = self.store.prompts.find(base.prompt_id)
            texts = {"prompt": prompt.text, "base": base.text, "tuned": tuned.text}
            marks = {"base_score": self.rule.score(base.text), "tuned_score": self.rule.score(tuned.text)}
            shown.setdefault(prompt.id, texts | marks)
        return list(shown.values())


def _side(summary: Any, side: str) -> dict[str, float]:
    return {key: summary[key][side] for key in ("reward", "words", "finished") if key in summary}


def answers_by_role(store: Store, run_id: str) -> dict[str, list[Response]]:
    """An evaluation's answers by "base" and "tuned", in the same order of prompts and samples."""
    found: dict[str, list[Response]] = {"base": [], "tuned": []}
    for response in store.responses.of_run(run_id):
        found[response.scores["role"]].append(response)
    return found


def write_report(
    out: Path, found: dict[str, Any], curves: dict[str, list[tuple[int, float | None]]], examples: list[dict[str, Any]]
) -> None:
    """report.json and report.html in the folder `out`."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "report.json").write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        (out / "report.html").write_text(report.render(found, curves, examples), encoding="utf-8")
    except OSError as error:
        raise WorkbenchError(
            f"The report could not be written to {out}: {error.strerror}.", "Choose another --out."
        ) from error
