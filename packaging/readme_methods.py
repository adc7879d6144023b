"""Write the methods and their knobs into the README, between its two marks. A test fails where the two differ.

python packaging/readme_methods.py
"""

from __future__ import annotations

from pathlib import Path

from workbench.methods import METHODS
from workbench.methods.describing import markdown

BEGIN, END = "<!-- methods: packaging/readme_methods.py writes this -->", "<!-- end of methods -->"
README = Path(__file__).parents[1] / "README.md"


def written(text: str) -> str:
    """The README's text with the methods as they are. Raises ValueError where the marks are gone."""
    before, rest = text.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n\n{markdown(METHODS)}\n\n{END}{after}"


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
