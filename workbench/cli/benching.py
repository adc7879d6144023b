"""`workbench bench`: our speed and memory beside those of the libraries one would use instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from .shared import JSON, finish

THREADS = click.option(
    "--threads", type=click.IntRange(0), default=0, help="Threads of every side.  [default: the cores, at most 4]"
)


def common(command: Any) -> Any:
    """Options of every comparison that runs a model."""
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
        click.option("--iterations", type=click.IntRange(1), default=5, show_default=True, help="Turns that count."),
        THREADS,
        JSON,
    )
    for choice in reversed(choices):
        command = choice(command)
    return command


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
@common
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
@common
def bench_reward(against: str | None, kinds: tuple[str, ...], as_json: bool, **sizes: Any) -> None:
    """A pass of reward training over pairs whose better answer follows a rule that can be learned."""
    from ..bench import reward

    chosen = {"kinds": kinds} if kinds else {}
    options = reward.Options(trl=against == "trl", **chosen, **sizes)
    result = reward.compare(options, tell)
    finish(result, as_json, reward.words(result))


@bench.command("generate")
@click.option("--against", type=click.Choice(["transformers"]), default=None, help="transformers' own generate().")
@sized("--new-tokens", 32, "Tokens of every answer.")
@click.option("--batch", "batches", type=click.IntRange(1), multiple=True, help="Prompts in a batch; may be repeated.")
@common
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
