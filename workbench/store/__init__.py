"""The project's evidence in SQLite: models, prompts, answers, judgements, runs. No Qt, no torch."""

from .records import Feedback, Model, Prompt, Response, Run, RunSample
from .store import Store

__all__ = ["Feedback", "Model", "Prompt", "Response", "Run", "RunSample", "Store"]
