"""What the methods that learn from pairs share: their panels, what they lack, and which answer is the longer."""

from __future__ import annotations

from collections.abc import Sequence

from ..feedback.base import Pair
from .base import Data, Panel
from .baselines import longer_wins
from .seeing import Seen
from .trainer import TrainerRun, too_few
from .trainer_trl import Example, tokens_of

LOSS = Panel("Loss", ("loss/train", "loss/held_out"), "dashed: held-out prompts")
ACCURACY = Panel("Accuracy", ("accuracy/held_out", "accuracy/train", "accuracy/longer_wins"), "on held-out prompts")
MARGIN = Panel("Margin", ("margin/train", "margin/held_out"), "chosen minus rejected")
NORM = Panel("Gradient norm", ("grad/norm",), "before clipping")
RATE = Panel("Learning rate", ("rate/now",))
SIDES = Panel("Chosen and rejected", ("chosen/held_out", "rejected/held_out"), "implicit reward")


def lacks_pairs(data: Data) -> str:
    """Why there are not enough pairs; "" when there are."""
    return too_few(data, "pairs", "pair", "pairs", "Rate, compare or rank more answers.")


class PairRun(TrainerRun):
    """A run on pairs of a chosen and a rejected answer."""

    def tokens(self, pair: Pair) -> tuple[list[int], list[int], list[int], bool]:
        """Prompt, chosen and rejected answer, and whether one of them was cut."""
        texts = [pair.chosen, pair.rejected]
        prompt, (chosen, rejected), cut = tokens_of(self.loaded.template, pair.messages, texts, self.options.max_tokens)
        return prompt, chosen, rejected, cut

    def fixed_figures(self) -> dict[str, float]:
        """How often the longer answer is the better one: the line to beat."""
        return {"accuracy/longer_wins": longer_wins(self.items["held_out"])}


class LabelledPairRun(PairRun):
    """The same for the trainers without a reference, which read each side with labels."""

    def examples(self, items: Sequence[Pair]) -> list[Example]:
        """Both sides with labels on the answers."""
        return [self._example(pair) for pair in items]

    def _example(self, pair: Pair) -> Example:
        prompt, chosen, rejected, cut = self.tokens(pair)
        fields = {}
        for side, answer in (("chosen", chosen), ("rejected", rejected)):
            fields[f"{side}_input_ids"] = prompt + answer
            fields[f"{side}_attention_mask"] = [1] * (len(prompt) + len(answer))
            fields[f"{side}_labels"] = [-100] * len(prompt) + answer
        return Example(fields, len(prompt) + max(len(chosen), len(rejected)), cut=cut)

    def seen(self, example: Example) -> list[Seen]:
        """Both sides."""
        fields = example.fields
        return [
            (side, fields[f"{side}_input_ids"], [label >= 0 for label in fields[f"{side}_labels"]])
            for side in ("chosen", "rejected")
        ]
