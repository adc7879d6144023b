"""sqlite-utils, imported without pandas.

It imports pandas where that is installed (datasets brings it), only to know its number types. We hand it none, and
that is 0.25 s of the 0.75 s until the window is painted.
"""

from __future__ import annotations

import sys

_absent = "pandas" not in sys.modules
if _absent:
    sys.modules["pandas"] = None  # type: ignore[assignment]  # an import of it now raises ImportError
try:
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations
finally:
    if _absent:
        del sys.modules["pandas"]

__all__ = ["Database", "Migrations"]
