"""How feature vectors are named and carried. No torch, and numpy only where it is used: the window opens without."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

FORM, BYTES = "<f2", 2
"""Stored and sent as float16: half the size, and a linear head cannot tell the difference."""
_MOST = 65504.0


def packed(vector: np.ndarray) -> bytes:
    """A vector as it is stored. What float16 cannot hold becomes the nearest that it can, and no number becomes 0."""
    import numpy as np

    return np.nan_to_num(np.clip(vector, -_MOST, _MOST), nan=0.0).astype(FORM).tobytes()


def to_text(vector: np.ndarray) -> str:
    """A vector as an event carries it."""
    return base64.b64encode(packed(vector)).decode("ascii")


def from_text(text: str) -> bytes:
    """What `to_text` carried, as it is stored."""
    return base64.b64decode(text)


def spaces_of(base_hash: str, location: str) -> str:
    """How the name of every space of a base begins; template and depth follow when the model is loaded."""
    return f"{(base_hash or hashlib.sha256(location.encode()).hexdigest())[:16]}/"
