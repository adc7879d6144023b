"""Presets of a run: a few knobs each, by method. "balanced" is always the defaults themselves."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

QUICK, BALANCED, THOROUGH = "quick", "balanced", "thorough"
NAMES = (QUICK, BALANCED, THOROUGH)

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "reward": {
        QUICK: {"epochs": 1, "evaluations": 4},
        BALANCED: {},
        THOROUGH: {"epochs": 4, "learning_rate": 1e-4, "evaluations": 16},
    },
    "ppo": {
        QUICK: {"steps": 10, "batch_size": 8},
        BALANCED: {},
        THOROUGH: {"steps": 120, "batch_size": 32, "learning_rate": 1e-4},
    },
    "grpo": {
        QUICK: {"steps": 10, "batch_size": 8},
        BALANCED: {},
        THOROUGH: {"steps": 120, "batch_size": 32, "samples": 8, "learning_rate": 1e-4},
    },
    "rloo": {
        QUICK: {"steps": 10, "batch_size": 8},
        BALANCED: {},
        THOROUGH: {"steps": 120, "batch_size": 32, "samples": 8, "learning_rate": 1e-4},
    },
    "reinforce": {
        QUICK: {"steps": 10, "batch_size": 8},
        BALANCED: {},
        THOROUGH: {"steps": 240, "batch_size": 32, "learning_rate": 1e-4},
    },
    "sft": {
        QUICK: {"epochs": 1, "evaluations": 4},
        BALANCED: {},
        THOROUGH: {"epochs": 4, "learning_rate": 1e-4, "evaluations": 16, "patience": 4},
    },
    "dpo": {
        QUICK: {"epochs": 1, "evaluations": 4},
        BALANCED: {},
        THOROUGH: {"epochs": 4, "learning_rate": 2e-5, "evaluations": 16, "patience": 4},
    },
    "kto": {
        QUICK: {"epochs": 1, "evaluations": 4},
        BALANCED: {},
        THOROUGH: {"epochs": 4, "learning_rate": 2e-5, "evaluations": 16, "patience": 4},
    },
    "orpo": {
        QUICK: {"epochs": 1, "evaluations": 4},
        BALANCED: {},
        THOROUGH: {"epochs": 4, "learning_rate": 5e-5, "evaluations": 16, "patience": 4},
    },
    "cpo": {
        QUICK: {"epochs": 1, "evaluations": 4},
        BALANCED: {},
        THOROUGH: {"epochs": 4, "learning_rate": 2e-5, "evaluations": 16, "patience": 4},
    },
    "classify": {
        QUICK: {"epochs": 1, "evaluations": 4},
        BALANCED: {},
        THOROUGH: {"epochs": 8, "learning_rate": 2e-4, "evaluations": 16, "patience": 4},
    },
    "pretrain": {
        QUICK: {"epochs": 1, "evaluations": 4},
        BALANCED: {},
        THOROUGH: {"epochs": 10, "layers": 6, "width": 256, "evaluations": 16, "patience": 4},
    },
}

_TITLES: dict[str, Any] = {
    QUICK: QT_TRANSLATE_NOOP("Presets", "Quick"),
    BALANCED: QT_TRANSLATE_NOOP("Presets", "Balanced"),
    THOROUGH: QT_TRANSLATE_NOOP("Presets", "Thorough"),
}
_NOTES: dict[str, Any] = {
    QUICK: QT_TRANSLATE_NOOP("Presets", "Checks that it learns."),
    BALANCED: QT_TRANSLATE_NOOP("Presets", "Usual choice."),
    THOROUGH: QT_TRANSLATE_NOOP("Presets", "Longer, in smaller steps."),
}


def title(name: str) -> str:
    """What a preset is called."""
    return QCoreApplication.translate("Presets", _TITLES[name])


def note(name: str) -> str:
    """What it is for."""
    return QCoreApplication.translate("Presets", _NOTES[name])


def values(method: str, name: str) -> dict[str, Any]:
    """The knobs that a preset changes; none for a method that has no presets of its own."""
    return PRESETS.get(method, {}).get(name, {})
