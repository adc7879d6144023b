"""Many prompts at once from text that was pasted: one a line, or parted by blank lines."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import WorkbenchError
from .bulk import LONGEST_TAG
from .prompts import checked_text

if TYPE_CHECKING:
    from .store import Store

LINES, BLANKS = "lines", "blank lines"
"""How the prompts are parted."""
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,4}[.)])\s+")


@dataclass(frozen=True)
class Pasted:
    """What was added, as ids in the order of the text, and how many of them are new."""

    prompt_ids: tuple[str, ...]
    added: int

    @property
    def already_there(self) -> int:
        """How many the project had."""
        return len(self.prompt_ids) - self.added


def prompts_in(text: str, parted: str) -> list[str]:
    """Each prompt of a text once, in order. A list's marks are no part of a prompt that is one line."""
    pieces = re.split(r"\n\s*\n", text) if parted == BLANKS else text.split("\n")
    stripped = [piece.strip() for piece in pieces]
    if parted == LINES and all(_BULLET.match(piece) for piece in stripped if piece):
        stripped = [_BULLET.sub("", piece) for piece in stripped]
    return list(dict.fromkeys(piece for piece in stripped if piece))


def likely_parting(text: str) -> str:
    """How a text is probably meant: by blank lines where it has some between blocks of several lines."""
    blocks = [block for block in re.split(r"\n\s*\n", text) if block.strip()]
    return BLANKS if len(blocks) > 1 and any("\n" in block.strip() for block in blocks) else LINES


def add_pasted(
    store: Store, texts: Iterable[str], *, system: str = "", tags: Iterable[str] = (), by: object = None
) -> Pasted:
    """Add prompts, all or none of them. Raises WorkbenchError when there are none, or one cannot be stored."""
    names = tuple(dict.fromkeys(" ".join(checked_text(tag, "The tag").split()) for tag in tags if tag.strip()))
    if any(len(name) > LONGEST_TAG for name in names):
        raise WorkbenchError(f"A tag has 1 to {LONGEST_TAG} characters.", "Type a shorter one.")
    with store.writing():
        made = [store.prompts.add(text, system=system, tags=names, source="pasted", by=by) for text in texts]
    if not made:
        raise WorkbenchError("There is no prompt in this text.", "Paste or type some.")
    return Pasted(tuple(prompt.id for prompt, _ in made), sum(new for _, new in made))
