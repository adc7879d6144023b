"""A long Markdown document of every structure, and what can be compared of two of them."""

from __future__ import annotations

import re

_SAID = "the clay is mixed with water and rests for a day before it is thrown on the wheel by an old potter"
WORDS = _SAID.split()


def sentence(number: int, length: int = 14) -> str:
    words = [WORDS[(number * 7 + place * 3) % len(WORDS)] for place in range(length)]
    return f"{' '.join(words).capitalize()}, said number {number}."


def document(pages: int = 20) -> str:
    """About 400 words a page, each of other texts."""
    return "---\ntitle: Handbook\n---\n" + "\n".join(page(number) for number in range(pages))


def page(number: int) -> str:
    base = number * 100
    paragraphs = [" ".join(sentence(base + 5 * place + step) for step in range(4)) for place in range(5)]
    wrapped = paragraphs[1].replace(", said", ",\nsaid")
    return f"""# Chapter {number} of the {WORDS[number % len(WORDS)]} book

{paragraphs[0]}

{wrapped}

## Materials {number}

- {sentence(base + 40, 8)}
- {sentence(base + 41, 8)}
  - {sentence(base + 42, 8)}

1. {sentence(base + 43, 8)}
2. {sentence(base + 44, 8)}

```python
# do not translate {number}
for day in range({number}):

    fire(day)
```

{paragraphs[2]}


> {sentence(base + 45, 8)}

| Piece {number} | Weight |
|---|---:|
| mug of page {number} | {number} |

Notes {number}
----------

{paragraphs[3]}

***

{paragraphs[4]}
"""


def outline(text: str) -> list[str]:
    """What each line is, without its words; lines that a paragraph is only wrapped in are one."""
    found, fenced = [], False
    for line in text.split("\n"):
        if line.startswith("```"):
            fenced = not fenced
        if fenced or line.startswith(("```", "---", "***", "title:")):
            found.append(f"kept {line}")
            continue
        mark = re.match(r"\s*(#+ |- |\d+\. |> |\|)?", line)
        shape = "text" if line.strip() and mark and not mark[0].strip() else (mark[0] if mark else "")
        shape += "|" * line.count("|")
        if not (shape == "text" and found and found[-1] == "text"):
            found.append(shape)
    return found
