"""packaging/ is a folder of programs and no package: its modules are found as its programs find them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "packaging"))
