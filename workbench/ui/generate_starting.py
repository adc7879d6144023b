"""Starts writing in Generate: what each column is asked, and what is kept of the choices for next time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..errors import WorkbenchError
from .context import Context
from .generate_answers import ColumnChoice
from .generate_batches import MANY, Batch, Batches
from .generate_choices import Kept, write_kept
from .generate_column_set import ColumnSet
from .generate_dock import Dock
from .generate_sampling import SamplingPanel
from .generate_writing import Request, Writer


class Starter:
    """Turns prompts into requests to the columns that are shown, drawn as the panel at the right says."""

    def __init__(
        self,
        context: Context,
        columns: ColumnSet,
        sampling: SamplingPanel,
        dock: Dock,
        writer: Writer,
        batches: Batches,
    ) -> None:
        self._context, self._columns, self._sampling, self._dock = context, columns, sampling, dock
        self._writer, self._batches = writer, batches

    def requests(self, prompt_id: str) -> list[Request]:
        """One request to each column."""
        return [self._request(prompt_id, place, choice) for place, choice in enumerate(self._columns.choices)]

    def _request(self, prompt_id: str, place: int, choice: ColumnChoice) -> Request:
        # Without chance every sample would be the same answer.
        samples = 1 if choice.sampling.temperature == 0 else self._sampling.samples.value()
        seed, reward_id = self._sampling.seed_of(place), self._sampling.reward_id()
        return Request(prompt_id, choice.model.id, place, samples, seed, choice.sampling, reward_id)

    def start(self, requests: Sequence[Request]) -> None:
        """Have these written while a person watches."""
        self.keep()
        self._writer.start(requests)

    def one(self, prompt_id: str, place: int) -> None:
        """Have one more answer written in one column."""
        request = self._request(prompt_id, place, self._columns.choices[place])
        self.start([replace(request, samples=1)])

    def all(self, prompt_ids: Sequence[str]) -> None:
        """Have answers to many prompts written: a few one by one on screen, many in the background."""
        choices = list(enumerate(self._columns.choices))
        if len(prompt_ids) < MANY:
            self.start([self._request(id_, place, choice) for place, choice in choices for id_ in prompt_ids])
            return
        self.keep()
        self._batches.start([self._batch(choice, place, prompt_ids) for place, choice in choices])

    def _batch(self, choice: ColumnChoice, place: int, prompt_ids: Sequence[str]) -> Batch:
        request = self._request(prompt_ids[0], place, choice)
        options = choice.sampling.to_json() | {"samples": request.samples, "seed": request.seed}
        return Batch(choice.model.id, options, tuple(prompt_ids), request.reward_id)

    # -- the choices

    def keep(self) -> None:
        """Keep columns and sampling for next time."""
        kept = Kept(
            columns=[(choice.model.id, choice.sampling) for choice in self._columns.choices],
            samples=self._sampling.samples.value(),
            seed=self._sampling.seed.value(),
            same_seed=self._sampling.same_seed.isChecked(),
            reward_id=self._sampling.reward_id() or "",
            queue_at_once=self._dock.queue_at_once.isChecked(),
        )
        try:
            write_kept(self._context.store, kept)
        except WorkbenchError as error:
            self._context.tell(error)

    def put(self, kept: Kept) -> None:
        """Show the sampling of last time."""
        self._sampling.samples.setValue(kept.samples)
        self._sampling.seed.setValue(kept.seed)
        self._sampling.same_seed.setChecked(kept.same_seed)
        self._sampling.set_reward(kept.reward_id)
        self._dock.queue_at_once.setChecked(kept.queue_at_once)
