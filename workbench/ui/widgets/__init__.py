"""The widgets that every pane is built from.

Text      label(text, role, tone, wrap, tabular, mono, selectable), SectionLabel, ElidedLabel,
          ReadingText, FactRows, Divider
Buttons   Button, Segmented(Option...), RatingRow, Switch, LinkButton, ToggleChip, ChoiceCard
Marks     Chip, KeyHint, LetterBadge, StatusDot
Meters    Bar, Spark, SpinRing
Fields    SearchField, NumberField, WholeField, SliderField
Holders   Card, Banner, EmptyState, PanelSplitter; row(...), column(...), wrapping(...), holding(layout),
          scrolling(widget)
"""

from .buttons import Button, Option, RatingRow, Segmented, Switch
from .chips import Chip, KeyHint, LetterBadge, StatusDot, ToggleChip
from .containers import (
    Banner,
    Card,
    ChoiceCard,
    EmptyState,
    LinkButton,
    PanelSplitter,
    column,
    holding,
    row,
    scrolling,
)
from .fields import NumberField, SearchField, SliderField, WholeField
from .meters import Bar, Spark, SpinRing
from .text import Divider, ElidedLabel, FactRows, ReadingText, SectionLabel, label, soft_broken, visible
from .wrapping import wrapping

__all__ = [
    "Banner", "Bar", "Button", "Card", "Chip", "ChoiceCard", "Divider", "ElidedLabel", "EmptyState", "FactRows",
    "KeyHint", "LetterBadge", "LinkButton", "NumberField", "Option", "PanelSplitter", "RatingRow", "ReadingText",
    "SearchField", "SectionLabel", "Segmented", "SliderField", "Spark", "SpinRing", "StatusDot", "Switch", "ToggleChip",
    "WholeField", "column", "holding", "label", "row", "scrolling", "soft_broken", "visible",
    "wrapping",
]  # fmt: skip
