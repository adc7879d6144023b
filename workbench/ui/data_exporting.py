"""Export: the whole project, or what can be learned from it, or a table for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..events import Event, Finished, Progress
from ..jobs.preparing import project_rules
from ..store import Store
from .data_words import tr
from .work import Steps


@dataclass(frozen=True)
class Export:
    """What goes out ("all", "table", or one of shapes.WHAT), in which shape, and in what it is put.

    judges: also what models and rules said; without, only what people said.
    """

    what: str
    format: str | None = None
    container: str = "jsonl"
    judges: bool = False

    @property
    def file_name(self) -> str:
        """A name to suggest; a folder's has no ending."""
        name = {"all": "project", "table": "judgements"}.get(self.what, self.what)
        return name if self.container == "datasets" else f"{name}.{self.container}"

    def write(self, store: Store, path: Path) -> dict[str, Any]:
        """Write it, and say how many rows there are and what was left out: {"rows", "left_out"}."""
        from ..store.exchange import exporting

        if self.what == "all":
            return {"rows": exporting.export_store(store, path, judges=self.judges), "left_out": {}}
        if self.what == "table":
            return {"rows": exporting.export_table(store, path), "left_out": {}}
        about: dict[str, Any] = {"format": self.format, "container": self.container, "rules": project_rules(store)}
        about["judges"] = list(store.judges.counts()) if self.judges else ()
        return exporting.export(store, path, self.what, **about).to_json()


def exports() -> list[Export]:
    """The usual ways out, the fullest first."""
    return [Export("all"), Export("pairs"), Export("demonstrations"), Export("table", container="csv")]


def what_names() -> dict[str, tuple[str, str]]:
    """Everything that can go out: its name, and what it is for."""
    return {
        "all": (tr("Everything"), tr("The whole project, to read in again here or on another computer.")),
        "pairs": (tr("Preference pairs"), tr("Two answers of which one was judged better, for reward models and DPO.")),
        "labels": (tr("Labels"), tr("Single answers that were judged good or bad, for KTO.")),
        "demonstrations": (tr("Demonstrations"), tr("Answers worth imitating, for fine-tuning.")),
        "judgements": (tr("Judgements"), tr("What everybody said, as it was said, for annotation tools.")),
        "prompts": (tr("Prompts"), tr("What was asked, with its tags.")),
        "table": (tr("Table for a spreadsheet"), tr("A row for each judgement. No cell is run as a formula.")),
    }


def format_names() -> dict[str, tuple[str, str]]:
    """Every shape: its name, and what it has no place for."""
    people = tr("It has no place for who judged, comments and tags.")
    nothing_more = tr("It has no place for margins, who judged, comments and tags.")
    no_margin = tr("It has no place for rubrics, marked passages and margins.")
    return {
        "preferences": ("TRL", people),
        "preferences-implicit": (tr("TRL, without a prompt column"), people),
        "unpaired": ("TRL", tr("It has no place for pairs, who judged, comments and tags. Three stars are left out.")),
        "demonstrations": ("TRL", people),
        "hh": ("Anthropic HH", nothing_more + " " + tr("Texts that look like its own turns are left out.")),
        "instructions": ("LLaMA-Factory, Alpaca", nothing_more),
        "sharegpt": ("LLaMA-Factory, ShareGPT", nothing_more),
        "openai": ("OpenAI", nothing_more),
        "judgements": ("Workbench", tr("It holds every kind of judgement whole, but not when it was made.")),
        "argilla": ("Argilla", no_margin),
        "label-studio": ("Label Studio", no_margin),
        "open-webui": (
            "Open WebUI",
            tr("It holds thumbs and stars of one answer, and decided comparisons."),
        ),
        "prompts": ("Workbench", ""),
    }


def container_names() -> dict[str, str]:
    """What rows can be put into."""
    return {
        "jsonl": "JSONL",
        "json": "JSON",
        "csv": tr("CSV, to the letter"),
        "parquet": "Parquet",
        "datasets": tr("Folder for datasets"),
    }


def writing(export: Export, path: Path) -> Steps:
    """Write a file."""

    def steps(store: Store) -> Iterator[Event]:
        yield Progress(0, 0, str(path))
        yield Finished(export.write(store, path) | {"path": str(path)})

    return steps
