"""Numbers as the design writes them: thin space in thousands, a true minus sign, at most three figures."""

from __future__ import annotations

import math

THIN, MINUS = "\u202f", "\u2212"


def _signed(text: str) -> str:
    return text.replace("-", MINUS).replace(",", THIN)


def figure(value: float | None, digits: int = 3) -> str:
    """A measured value with three significant figures: 0.98, 4.56, −0.017, 1 230; an en dash for none."""
    if value is None or not math.isfinite(value):
        return "\u2013"
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if size < -4 or size > 8:
        return _signed(f"{value:.{digits - 1}e}")
    return _signed(f"{value:,.{max(0, digits - 1 - size)}f}")


def count(value: int) -> str:
    """A whole number: 1 230."""
    return _signed(f"{value:,d}")


def change(value: float, digits: int = 3) -> str:
    """A difference, always with its sign: +3.7, −0.01."""
    text = figure(value, digits)
    return text if text.startswith(MINUS) or text in ("0", "\u2013") else f"+{text}"


def percent(fraction: float) -> str:
    """A share: 64%."""
    return _signed(f"{100 * fraction:.0f}%")


def size(amount: float) -> str:
    """Bytes as B, kB, MB or GB: 17 MB, 0.99 GB. Between 0.9 and 1 of a unit the larger one is used."""
    value, unit = float(amount), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(value) < 900 or unit == "TB":
            break
        value /= 1000
    shown = f"{value:.0f}" if unit in ("B", "kB") or value >= 100 else figure(value, 3 if unit != "MB" else 2)
    return f"{shown} {unit}"


def part(done: float, total: float) -> str:
    """Some of so many bytes in the unit of the whole, without it: 1.06 of 2.47 GB."""
    unit = size(total).rsplit(" ", 1)[-1]
    scale = {"B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12}[unit]
    digits = 2 if unit in ("GB", "TB") else 1 if unit == "MB" and total < 100e6 else 0
    return f"{done / scale:.{digits}f}"


def duration(seconds: float) -> str:
    """A length of time: 21 s, 18 min, 2 h 10 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
