"""Errors that a person can act on. Anything that is not a WorkbenchError is a bug and goes to the log."""

from __future__ import annotations


class WorkbenchError(Exception):
    """A problem told in one clear sentence, with a hint that says what to do next."""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.text} {self.hint}".strip()


class NoEngine(WorkbenchError):
    """There is nothing to compute with: the standalone app's base edition before an engine was added."""

    def __init__(self) -> None:
        super().__init__(
            "No compute engine is installed, so no model can run or learn.",
            "Add one under Settings, Compute, or run: workbench engines add cpu.",
        )


class StopRequested(Exception):
    """Raised inside a job, between two tokens or micro-batches, when the person asked it to stop."""
