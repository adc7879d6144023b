"""A text, Markdown or Word document in the parts that are translated, with all that stands between them kept as it is.

What is joined again has the same headings, lists, quotes, tables, code and blank lines. Lines that a paragraph is only
wrapped in become one, in Markdown always, in plain text where they look wrapped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import WorkbenchError
from ..store.word_files import Block, blocks, open_document, rewrite
from ..store.words import CJK, sentences

SUFFIXES = {".md": "markdown", ".markdown": "markdown", ".txt": "text", ".text": "text", ".docx": "word"}
LONGEST = 1500
"""Characters after which a paragraph is translated in parts, each of whole sentences."""
WRAPPED = 45
"""Lines of plain text that are at least so long are taken for one wrapped paragraph; shorter ones stand for themselves,
as in a poem or an address."""

_FENCE = re.compile(r"^((?:\s|>)*)(`{3,}|~{3,})")
_HEADING = re.compile(r"^(\s{0,3}#{1,6}\s+)(.*?)(\s*#*\s*)$")
_RULE = re.compile(r"^\s{0,3}([-*_])(\s*\1){2,}\s*$")
_UNDERLINE = re.compile(r"^\s{0,3}(=+|-+)\s*$")
_DELIMITER = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_REFERENCE = re.compile(r"^\s{0,3}\[[^\]]+\]:\s")
_HTML = re.compile(r"^\s{0,3}<[a-zA-Z/!?]")
_QUOTE = re.compile(r"^\s*(?:>\s?)+")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?")
_CODE = re.compile(r"^(?: {4}|\t)")
_BREAK = re.compile(r"(?: {2,}|\\)$")
_LINK_ALONE = re.compile(r"^(?:<?\w+://\S+>?|!\[[^\]]*\]\([^)]*\))$")
_CELL = re.compile(r"(?<!\\)\|")
_MARK = re.compile(r"^(?:#{1,6}(?=\s)|[-+*](?=\s)|>|\d{1,9}(?=[.)]\s)|`{3}|~{3}|\||=+$|-{2,}|<)")
_CJK_END, _CJK_START = re.compile(f"[{CJK}，。、；：！？]$"), re.compile(f"^[{CJK}]")


@dataclass(frozen=True)
class Part:
    """A text to translate between what is kept before and after it. kind: "paragraph", "heading", "item", "cell"; ""
    where nothing is translated and all stands in `before`."""

    before: str
    text: str = ""
    after: str = ""
    kind: str = ""


def kind_of(name: str) -> str:
    """ "markdown", "text" or "word", by a file's ending. Raises WorkbenchError for another."""
    kind = SUFFIXES.get(name[name.rfind(".") :].lower()) if "." in name else "text"
    if kind is None:
        raise WorkbenchError(f"{name} is of a kind that cannot be translated.", "Save it as text, Markdown or .docx.")
    return kind


def split(text: str, kind: str) -> list[Part]:
    """The parts of a document, in order."""
    found = _Markdown(text).parts() if kind == "markdown" else _plain(text)
    return _joined(part for whole in found for part in _shortened(whole))


def split_word(path: Path) -> list[Part]:
    """The parts of a Word document, in order."""
    return [part for block in blocks(open_document(path)) for part in _of_block(block)]


def _of_block(block: Block) -> list[Part]:
    return _joined(_shortened(Part("", block.text, "", block.kind)))


def write_word(source: Path, target: Path, translations: Mapping[str, str]) -> None:
    """A copy of a Word document with each text that has a translation replaced by it. Raises WorkbenchError."""
    rewrite(source, target, lambda block: joined(_of_block(block), translations, "word"))


def joined(parts: Sequence[Part], translations: Mapping[str, str], kind: str) -> str:
    """The document with each text that has a translation replaced by it."""
    pieces = []
    for part in parts:
        said = translations.get(part.text, part.text) if part.text else ""
        if said is not part.text and part.text:
            said = fitted(said, part, kind)
        pieces += [part.before, said, part.after]
    return "".join(pieces)


def fitted(said: str, part: Part, kind: str) -> str:
    """A translation as it can stand in its place: it must not become a heading, a list, or two paragraphs."""
    lines = [line.strip() for line in said.strip().splitlines() if line.strip()]
    if kind == "text" and part.kind == "paragraph":
        return "\n".join(lines)
    flat = " ".join(lines)
    if kind in ("text", "word"):
        return flat
    if not _MARK.match(part.text) and (mark := _MARK.match(flat)):
        flat = f"{mark[0]}\\{flat[mark.end() :]}" if mark[0].isdigit() else f"\\{flat}"
    return _CELL.sub(r"\\|", flat) if part.kind == "cell" else flat


def _lines_of(text: str) -> list[str]:
    """Lines with their ends. Only \\n ends one: U+2028 and its like are text."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _plain(text: str) -> Iterator[Part]:
    block: list[str] = []
    for line in _lines_of(text):
        if line.strip():
            block.append(line)
            continue
        yield from _plain_block(block)
        block = []
        yield Part(line)
    yield from _plain_block(block)


def _plain_block(lines: list[str]) -> Iterator[Part]:
    if len(lines) > 1 and all(len(line.rstrip()) >= WRAPPED for line in lines[:-1]):
        yield _whole("", lines, "paragraph")
    else:
        yield from (_whole(line[: len(line) - len(line.lstrip())], [line], "line") for line in lines)


def _whole(before: str, lines: Sequence[str], kind: str, after: str = "") -> Part:
    """One part of lines that belong together, without what is at both ends."""
    last = lines[-1]
    end = last[len(last.rstrip()) :] + after
    text = ""
    for line in lines:
        text = _with(text, line.strip())
    return Part(before, text, end, kind)


def _with(text: str, line: str) -> str:
    spaceless = not text or (_CJK_END.search(text) and _CJK_START.match(line))
    return f"{text}{'' if spaceless else ' '}{line}"


def _joined(parts: Iterable[Part]) -> list[Part]:
    """What has nothing to translate is kept, and what is kept together is one part."""
    found: list[Part] = []
    for part in parts:
        if part.text and (_LINK_ALONE.match(part.text) or not any(sign.isalpha() for sign in part.text)):
            part = Part(part.before + part.text + part.after)
        if not part.text and found and not found[-1].text:
            found[-1] = Part(found[-1].before + part.before + part.after)
        else:
            found.append(part)
    return found


def _shortened(part: Part) -> Iterator[Part]:
    """A part, or where it is too long, so many of its sentences at a time."""
    if len(part.text) <= LONGEST:
        yield part
        return
    groups = [""]
    for sentence in sentences(part.text):
        if groups[-1] and len(groups[-1]) + len(sentence) > LONGEST:
            groups.append("")
        groups[-1] = _with(groups[-1], sentence)
    glue = "" if _CJK_END.search(groups[0]) else " "
    for place, text in enumerate(groups):
        first, last = place == 0, place == len(groups) - 1
        yield Part(part.before if first else "", text, part.after if last else glue, part.kind)


class _Markdown:
    """Reads a Markdown document line by line."""

    def __init__(self, text: str) -> None:
        self._lines = _lines_of(text)
        self._at = 0
        self._in_list = False

    def parts(self) -> Iterator[Part]:
        """Its parts, in order."""
        yield from self._front_matter()
        while self._at < len(self._lines):
            yield from self._block()

    def _line(self, ahead: int = 0) -> str:
        place = self._at + ahead
        return self._lines[place].rstrip("\r\n") if place < len(self._lines) else ""

    def _kept(self, count: int) -> Part:
        found = Part("".join(self._lines[self._at : self._at + count]))
        self._at += count
        return found

    def _front_matter(self) -> Iterator[Part]:
        if self._line() == "---":
            for count, line in enumerate(self._lines[1:], 2):
                if line.rstrip() in ("---", "..."):
                    yield self._kept(count)
                    return

    def _block(self) -> Iterator[Part]:
        line = self._line()
        if not line.strip():
            yield self._kept(1)
        elif fence := _FENCE.match(line):
            yield self._kept(self._fenced(fence))
        elif _CODE.match(line) and not self._in_list and self._after_blank():
            yield self._kept(self._while(lambda each: bool(_CODE.match(each))))
        elif _HTML.match(line):
            yield self._kept(self._while(lambda each: bool(each.strip())))
        elif _RULE.match(line) or _REFERENCE.match(line) or _LINK_ALONE.match(line.strip()):
            self._in_list = False
            yield self._kept(1)
        elif heading := _HEADING.match(line):
            self._in_list = False
            yield Part(heading[1], heading[2], heading[3] + self._end(), "heading")
            self._at += 1
        elif "|" in line and "|" in self._line(1) and _DELIMITER.match(self._line(1)):
            yield from self._table()
        else:
            yield from self._paragraph()

    def _after_blank(self) -> bool:
        return self._at == 0 or not self._line(-1).strip()

    def _end(self, ahead: int = 0) -> str:
        line = self._lines[self._at + ahead]
        return line[len(line.rstrip("\r\n")) :]

    def _while(self, holds: Callable[[str], bool]) -> int:
        """How many lines there are to the first that is not like this one."""
        count = 1
        while self._at + count < len(self._lines) and holds(self._line(count)):
            count += 1
        return count

    def _fenced(self, fence: re.Match[str]) -> int:
        """Lines of a block of code, its fences among them."""
        closing = re.compile(rf"^(?:\s|>)*{re.escape(fence[2][0])}{{{len(fence[2])},}}\s*$")
        for count in range(1, len(self._lines) - self._at):
            if closing.match(self._line(count)):
                return count + 1
        return len(self._lines) - self._at

    def _table(self) -> Iterator[Part]:
        row = 0
        while self._at < len(self._lines) and "|" in self._line() and self._line().strip():
            if row == 1:
                yield self._kept(1)
            else:
                yield from self._cells(self._line())
                yield Part(self._end())
                self._at += 1
            row += 1

    def _cells(self, line: str) -> Iterator[Part]:
        for place, cell in enumerate(_CELL.split(line)):
            text = cell.strip()
            lead = cell[: len(cell) - len(cell.lstrip())] if text else cell
            tail = cell[len(cell.rstrip()) :] if text else ""
            yield Part(("|" if place else "") + lead, text, tail, "cell" if text else "")

    def _paragraph(self) -> Iterator[Part]:
        line = self._line()
        before, rest, kind = self._opening(line)
        quoted = bool(_QUOTE.match(line))
        lines: list[str] = []
        while True:
            text = rest + self._end()
            lines.append(text)
            hard = _BREAK.search(rest)
            self._at += 1
            more = kind != "heading" and self._at < len(self._lines) and self._goes_on(quoted)
            if hard and more:
                mark = "\\" if rest.endswith("\\") else ""
                lines[-1] = rest.removesuffix("\\") + ("" if mark else text[len(rest) :])
                yield _whole(before, lines, kind, "\\\n" if mark else "")
                lines, before = [], ""
            if not more:
                break
            lead, rest = self._continuing(quoted)
            before = before if lines else lead
        after = ""
        if kind == "paragraph" and not quoted and self._at < len(self._lines) and _UNDERLINE.match(self._line()):
            after, kind = self._lines[self._at], "heading"
            self._at += 1
        yield _whole(before, lines, kind, after)

    def _opening(self, line: str) -> tuple[str, str, str]:
        """(what is kept before the text, the text, what it is)."""
        rest, kind = line, "paragraph"
        if quote := _QUOTE.match(rest):
            rest = rest[quote.end() :]
        while item := _ITEM.match(rest):
            rest, kind = rest[item.end() :], "item"
        if heading := _HEADING.match(rest):
            return line[: len(line) - len(rest)] + heading[1], heading[2], "heading"
        self._in_list = kind == "item" or (self._in_list and line[:1].isspace())
        rest = rest.lstrip()
        return line[: len(line) - len(rest)], rest, kind

    def _goes_on(self, quoted: bool) -> bool:
        """Whether the line belongs to the paragraph before it."""
        line = self._line()
        if quoted:
            quote = _QUOTE.match(line)
            line = line[quote.end() :] if quote else line
        elif _QUOTE.match(line):
            return False
        begins = (_FENCE, _HEADING, _RULE, _ITEM, _UNDERLINE)
        return bool(line.strip()) and not any(each.match(line) for each in begins)

    def _continuing(self, quoted: bool) -> tuple[str, str]:
        line = self._line()
        quote = _QUOTE.match(line) if quoted else None
        rest = (line[quote.end() :] if quote else line).lstrip()
        return line[: len(line) - len(rest)], rest
