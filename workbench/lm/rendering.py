"""A chat template at work. It is a stranger's program: it has seconds, and may write no more than a conversation has.

transformers compiles it in jinja2's immutable sandbox, which keeps it from the machine, but not from running for ever.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from jinja2 import TemplateError, TemplateSyntaxError

from ..errors import WorkbenchError
from ..feedback.base import Message

log = logging.getLogger(__name__)

SECONDS = 5.0
"""A template that is still at work after these does not end."""
LONGEST = 200_000
"""Characters of a template. The longest known have 20 000."""
MOST = 4_000_000
"""Characters that a template may write beyond ten times what it was given."""
_FAULTS = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError)
HINT = "Change the template, or choose another format."


class _TooLong(BaseException):
    """Raised inside a template that does not end. Nothing in it can catch this."""


def render(tokenizer: Any, text: str, messages: Sequence[Message], begins: bool) -> str:
    """A conversation as the template `text` writes it; begins: with the place where the answer begins.

    Raises WorkbenchError when it is no template, refuses the conversation, does not end, or writes far too much.
    """
    if len(text) > LONGEST:
        raise WorkbenchError(f"The chat template has {len(text):,} characters.", HINT)
    plain = [dict(message) for message in messages]
    about: dict[str, Any] = {"chat_template": text, "add_generation_prompt": begins, "tokenize": False}
    try:
        with _limited():
            made = str(tokenizer.apply_chat_template(plain, **about))
    except _TooLong:
        raise WorkbenchError("The chat template does not come to an end.", HINT) from None
    except MemoryError as error:
        raise WorkbenchError("The chat template writes without end.", HINT) from error
    except TemplateSyntaxError as error:
        raise WorkbenchError(f"Line {error.lineno} of the chat template is wrong: {_said(error)}.", HINT) from error
    except _FAULTS as error:
        raise WorkbenchError(
            f"The chat template refuses this conversation: {_said(error)}.",
            "Remove the system text, or change the template.",
        ) from error
    if len(made) > MOST + 10 * sum(len(message["content"]) for message in messages):
        raise WorkbenchError(f"The chat template makes {len(made):,} characters of a short conversation.", HINT)
    return made


def _said(error: BaseException) -> str:
    """What a template or jinja2 says is wrong, in one line."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200].rstrip(".")


@contextmanager
def _limited() -> Iterator[None]:
    """Within it this thread has SECONDS, then _TooLong is raised in it. Works wherever the thread is, on every system.

    What is not Python (one huge multiplication of a text) is not broken off: memory sets the limit there.
    """
    thread, lock, inside = threading.get_ident(), threading.Lock(), [True]

    def end() -> None:
        with lock:
            if inside:
                log.warning("a chat template is ended after %.0f s", SECONDS)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(_TooLong))

    timer = threading.Timer(SECONDS, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        with lock:
            inside.clear()
