"""Changing a text by an instruction, with a model that is loaded: for edits in Feedback."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..errors import StopRequested, WorkbenchError
from ..events import Event, Rewritten
from ..feedback.base import Message
from ..lm.refs import ModelRef

log = logging.getLogger(__name__)

EVERY = 0.1
"""Seconds between two events of a text that grows."""
LEAST, MOST = 32, 2048
"""Tokens of a rewritten text; between them it may be twice as long as the text was."""
TEMPERATURE, TOP_P = 0.5, 0.95
"""Close to the text, and yet another one for another seed."""


def conversation(messages: Sequence[Message], text: str, instruction: str) -> list[Message]:
    """What a model is asked. All of it is one turn of a person, because some templates know no system text."""
    asked = "\n\n".join(message["content"] for message in messages)
    content = (
        f"Here is a request and an answer to it.\n\nRequest:\n{asked}\n\nAnswer:\n{text}\n\n"
        f"Change the answer as follows: {instruction}\n\n"
        "Keep everything else as it is. Reply with the changed answer alone, without a comment."
    )
    return [{"role": "user", "content": content}]


def rewrite(
    loaded: Any, ref: ModelRef | None, request: Mapping[str, Any], stopping: Callable[[], bool]
) -> Iterator[Event]:
    """Rewritten events of one request: {"id", "messages" (of the prompt), "text", "instruction", "seed"}."""
    made = Rewritten(str(request["id"]), model_id=ref.id if ref else "")
    try:
        for text, ended in _written(loaded, request, stopping):
            yield Rewritten(made.id, text, ended, model_id=made.model_id)
    except WorkbenchError as error:
        log.exception("a text could not be rewritten")
        yield Rewritten(made.id, error.text, "failed", error.hint, made.model_id)


def _written(loaded: Any, request: Mapping[str, Any], stopping: Callable[[], bool]) -> Iterator[tuple[str, str]]:
    """(text so far, how it ended); raises WorkbenchError."""
    from ..lm.generating import Sampler, sample

    if loaded is None:
        raise WorkbenchError("No model is loaded.", "Load one in Models.")
    template = loaded.template
    ids = template.prompt_ids(conversation(request["messages"], request["text"], request["instruction"]))
    most = min(MOST, LEAST + 2 * len(template.answer_ids(request["text"])))
    if loaded.context:
        most = min(most, loaded.context - len(ids))
    if most < LEAST:
        raise WorkbenchError("The text is too long for this model.", "Shorten it, or load another model.")

    def check() -> None:
        if stopping():
            raise StopRequested

    sampler = Sampler(temperature=TEMPERATURE, top_p=TOP_P, max_new_tokens=most)
    written: list[int] = []
    told = time.perf_counter()
    try:
        for grown in sample(loaded, [ids], sampler, [int(request["seed"])], check=check):
            written = grown[0].ids if grown else written
            if time.perf_counter() - told > EVERY:
                told = time.perf_counter()
                yield template.text_of(written), ""
    except StopRequested:
        yield template.text_of(written), "stopped"
        return
    yield template.text_of(written).strip(), "finished"
