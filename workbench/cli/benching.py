"""`workbench bench`: our speed and memory beside those of the libraries one would use instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from .shared import JSON, finish

THREADS = click.option(
    "--threads", type=click.IntRange(0), default=0, help="Threads of every side.  [default: the cores, at most 4]"
)


def common(turns: bool = True) -> Callable[[Any], Any]:
    """Options of every comparison that runs a model; `turns`: its sides take turns."""
    iterations = click.option(
        "--iterations", type=click.IntRange(1), default=5, show_default=True, help="Turns that count."
    )
    choices = (
        click.option("--model", default="", help="A model folder or .gguf file.  [default: the starter model]"),
        click.option(
            "--device", type=click.Choice(["auto", "cuda", "xpu", "mps", "cpu"]), default="auto", show_default=True
        ),
        click.option(
            "--dtype",
            type=click.Choice(["auto", "bfloat16", "float32"]),
            default="auto",
            show_default=True,
            help="Number format of our base.",
        ),
        *((iterations,) if turns else ()),
        THREADS,
        JSON,
    )

    def add(command: Any) -> Any:
        for choice in reversed(choices):
            command = choice(command)
        return command

    return add


def sized(name: str, usual: int, text: str) -> Callable[[Any], Any]:
    """An option for a size of the work."""
    return click.option(name, type=click.IntRange(1), default=usual, show_default=True, help=text)


def tell(text: str) -> None:
    """Progress on standard error."""
    click.echo(f"  {text}", err=True)


@click.group()
def bench() -> None:
    """Measure this app on this machine, alone or in turns with another library on the same work.

    Each side runs in a process of its own, with the same threads, and only one works at a time.
    """


@bench.command("ppo")
@click.option("--against", type=click.Choice(["trl"]), default=None, help="TRL 1.12's PPOTrainer, fetched once by pip.")
@sized("--prompts", 8, "Prompts in an iteration.")
@sized("--new-tokens", 32, "Tokens of every answer.")
@sized("--epochs", 4, "How often each answer is learned from.")
@sized("--micro-batch", 4, "Answers in memory at once.")
@sized("--rank", 16, "Rank of the LoRA adapters.")
@sized("--soak", 30, "Iterations of ours after which its memory is read.")
@click.option("--full", is_flag=True, help="Also TRL without LoRA.")
@click.option("--both", is_flag=True, help="Also at 16 prompts x 48 tokens.")
@common()
def bench_ppo(against: str | None, as_json: bool, **sizes: Any) -> None:
    """An iteration of PPO: write answers, score them, learn from them."""
    from ..bench import ppo

    options = ppo.Options(trl=against == "trl", **sizes)
    result = ppo.compare(options, tell)
    finish(result, as_json, ppo.words(result))


@bench.command("reward")
@click.option("--against", type=click.Choice(["trl"]), default=None, help="The installed TRL's RewardTrainer.")
@sized("--pairs", 32, "Pairs in an iteration.")
@sized("--batch", 8, "Pairs in a step.")
@sized("--held-out", 64, "Pairs on which accuracy is measured.")
@sized("--shortest", 8, "Words of the shortest answer.")
@sized("--longest", 60, "Words of the longest answer.")
@sized("--limit", 512, "Longest prompt and answer together, in tokens.")
@sized("--rank", 16, "Rank of the LoRA adapters.")
@click.option("--warm-start/--no-warm-start", default=True, help="Whether ours fits its head first, as it does in use.")
@click.option("--all-checkpointing", is_flag=True, help="TRL with gradient checkpointing, too.")
@click.option("--kind", "kinds", multiple=True, help="Only this way of TRL's; may be repeated.  [default: all four]")
@common()
def bench_reward(against: str | None, kinds: tuple[str, ...], as_json: bool, **sizes: Any) -> None:
    """A pass of reward training over pairs whose better answer follows a rule that can be learned."""
    from ..bench import reward

    chosen = {"kinds": kinds} if kinds else {}
    options = reward.Options(trl=against == "trl", **chosen, **sizes)
    result = reward.compare(options, tell)
    finish(result, as_json, reward.words(result))


@bench.command("preferences")
@click.option("--data", required=True, help="A file of people's comparisons, such as PandaLM's test set.")
@click.option("--against", type=click.Choice(["trl"]), default=None, help="The installed TRL's trainers.")
@click.option(
    "--method", "methods", type=click.Choice(["reward", "dpo"]), multiple=True, help="Only this.  [default: both]"
)
@click.option("--pairs", type=click.IntRange(0), default=0, help="Pairs to learn from.  [default: all that fit]")
@click.option("--held-out", type=click.IntRange(0), default=0, help="Pairs to measure on.  [default: all that fit]")
@sized("--batch", 16, "Pairs in a step.")
@sized("--limit", 256, "Longest prompt and answer together, in tokens; longer pairs are left out.")
@sized("--rank", 16, "Rank of the LoRA adapters.")
@common(turns=False)
def bench_preferences(against: str | None, methods: tuple[str, ...], as_json: bool, **sizes: Any) -> None:
    """What a reward model and DPO learn in one pass over people's own comparisons, on prompts held out."""
    from ..bench import preferences

    chosen = {"methods": methods} if methods else {}
    options = preferences.Options(trl=against == "trl", **chosen, **sizes)
    result = preferences.compare(options, tell)
    finish(result, as_json, preferences.words(result))


@bench.command("generate")
@click.option("--against", type=click.Choice(["transformers"]), default=None, help="transformers' own generate().")
@sized("--new-tokens", 32, "Tokens of every answer.")
@click.option("--batch", "batches", type=click.IntRange(1), multiple=True, help="Prompts in a batch; may be repeated.")
@common()
def bench_generate(against: str | None, batches: tuple[int, ...], as_json: bool, **sizes: Any) -> None:
    """Writing answers in batches of several sizes."""
    from ..bench import generate

    usual = {"batches": batches} if batches else {}
    options = generate.Options(transformers=against == "transformers", **usual, **sizes)
    result = generate.compare(options, tell)
    finish(result, as_json, generate.words(result))


@bench.command("head")
@sized("--judgements", 1000, "Judgements that the heads are fitted to.")
@sized("--width", 1152, "Features of an answer.")
@sized("--iterations", 9, "Refits that count.")
@THREADS
@JSON
def bench_head(as_json: bool, **sizes: Any) -> None:
    """Refitting linear reward heads on cached features after one more judgement."""
    from ..bench import head

    result = head.compare(head.Options(**sizes), tell)
    finish(result, as_json, head.words(result))


@bench.command("queue")
@click.option("--data", default="", help="A file of people's comparisons, such as PandaLM's test set.")
@click.option("--model", default="", help="A model folder or .gguf file.  [default: the starter model]")
@sized("--seeds", 10, "Walks of every order, with seeds from 1.")
@sized("--most", 256, "Judgements of a walk.")
@sized("--samples", 4, "Answers to each sample prompt, where the rule judges.")
@sized("--new-tokens", 64, "Longest of these answers, in tokens.")
@click.option("--folder", default="", help="Where answers and features are kept.  [default: in your cache]")
@click.option("--plot", type=click.Path(dir_okay=False), default=None, help="Draw the curves into this .svg file.")
@JSON
def bench_queue(plot: str | None, as_json: bool, **sizes: Any) -> None:
    """Whether judging what is most uncertain teaches more than judging by chance, with a simulated judge."""
    from pathlib import Path

    from ..bench import queue

    found = queue.compare(queue.Options(**sizes), tell)
    if plot:
        Path(plot).write_text(queue.drawing(found), encoding="utf-8")
    finish(found, as_json, queue.words(found))


@bench.command("feedback")
@sized("--answers", 100_000, "Answers in the store.")
@sized("--times", 200, "Judgements of every kind.")
@click.option("--kind", "kinds", multiple=True, help="Only this kind; may be repeated.  [default: all]")
@click.option("--on-screen", is_flag=True, help="In a window that you see; do not touch the keyboard meanwhile.")
@JSON
def bench_feedback(answers: int, times: int, kinds: tuple[str, ...], on_screen: bool, as_json: bool) -> None:
    """How long the next item takes after the key that judges one, by every kind of feedback, in a large project."""
    import os
    import tempfile
    from pathlib import Path

    from ..bench import feedback

    if not on_screen:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from ..ui import measuring

    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as name:
        tell(f"writing {answers:,} answers")
        about = feedback.make(Path(name), answers)
        said, window = measuring.measure(Path(name), kinds, times, tell)
    found = feedback.result(said, about | window)
    finish(found, as_json, feedback.words(found))


@bench.command("learn")
@click.option("--against", type=click.Choice(["trl"]), default=None, help="The installed TRL's GRPO and RLOO.")
@click.option("--side", "others", type=click.Choice(["grpo", "rloo"]), multiple=True, help="Only this one of TRL's.")
@sized("--seeds", 3, "Runs of every side, with seeds from 1.")
@sized("--iterations", 30, "Rounds of a run.")
@sized("--every", 5, "Rounds between two measurements.")
@sized("--samples", 16, "Answers in a round.")
@sized("--new-tokens", 24, "Longest answer, in tokens.")
@click.option("--temperature", type=click.FloatRange(0.05, 2), default=0.7, show_default=True)
@click.option("--beta", type=click.FloatRange(0), default=0.05, show_default=True, help="KL coefficient of all sides.")
@click.option("--rate-ours", type=click.FloatRange(0), default=3e-4, show_default=True, help="Our learning rate.")
@click.option("--rate-theirs", type=click.FloatRange(0), default=3e-4, show_default=True, help="TRL's learning rate.")
@click.option("--knob", "knobs", multiple=True, help="Another knob of our PPO, as name=value; may be repeated.")
@sized("--passes-theirs", 1, "How often TRL learns from an answer (its num_iterations).")
@sized("--rank", 16, "Rank of the LoRA adapters.")
@sized("--evaluation-samples", 4, "Answers to each of the 16 held-out prompts.")
@sized("--jobs", 1, "Runs side by side.")
@sized("--threads", 1, "Threads of every run.")
@click.option("--model", default="", help="A model folder or .gguf file.  [default: the starter model]")
@click.option("--device", type=click.Choice(["auto", "cuda", "cpu"]), default="auto", show_default=True)
@click.option("--dtype", type=click.Choice(["auto", "bfloat16", "float32"]), default="auto", show_default=True)
@click.option("--only-report", is_flag=True, help="Run nothing: what do the finished runs say?")
@click.option("--folder", default="", help="Where runs are kept; the same folder goes on.  [default: in your cache]")
@click.option(
    "--plot", type=click.Path(dir_okay=False), default=None, help="Draw reward against KL into this .svg file."
)
@JSON
def bench_learn(against: str | None, others: tuple[str, ...], plot: str | None, as_json: bool, **sizes: Any) -> None:
    """What our PPO learns from a rule: reward at equal KL, beside TRL on the same samples."""
    from pathlib import Path

    from ..bench import learning, learning_words

    theirs = (others or (learning.GRPO, learning.RLOO)) if against == "trl" else ()
    found = learning.compare(learning.Options(sides=(learning.OURS, *theirs), **sizes), tell)
    if plot:
        Path(plot).write_text(learning.drawing(found), encoding="utf-8")
    finish(found, as_json, learning_words.words(found))
