"""What the sides work on: written instructions, and pairs of answers whose preference follows a rule."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ..feedback.base import Message, Pair, Prompt

INSTRUCTIONS = (
    "Explain in two sentences why the sky looks blue at noon and red in the evening.",
    "What is a haiku?",
    "My neighbour watered my plants for three weeks while I was away and would not take any money for it. Write a "
    "short, friendly note that thanks her and invites both of us to have dinner together on Saturday.",
    "What is the difference between weather and climate?",
    "Suggest a simple dinner from rice, eggs, spinach and one onion.",
    "Name three rivers.",
    "I want to buy a used bicycle from a stranger. Name three things that I should check before I pay, and one "
    "question that I should ask him.",
    "Why do cats purr?",
    "Turn this into a polite request: send me the report today, I have waited long enough.",
    "How are you?",
    "Describe a quiet morning in a fishing village to someone who has never seen the sea: what there is to hear, what "
    "there is to smell, who is awake already and what they are waiting for.",
    "Recommend a stretch for someone who sits at a desk all day.",
    "Explain to a child of six why we have to sleep.",
    "Define honesty.",
    "A friend and I share a small kitchen and are always in each other's way. How can we share the work so that "
    "neither of us has to wait?",
    "Say hello in French.",
    "Put these in order of size and say why: a village, a city, a hamlet, a town.",
    "What do owls eat?",
    "My bread does not rise although I followed the recipe to the letter: warm water, fresh yeast, an hour under a "
    "cloth. What may I have done wrong, and how do I find out which of them it was?",
    "Summarise the rules of chess in as few words as you can.",
    "Write a two-line poem about a train that is always on time.",
    "Who invented paper?",
    "We rent a flat and move out next month. Which questions should we ask the landlord now so that we get our deposit "
    "back in full?",
    "Count to five.",
    "Rewrite in plain words: the premises are to be vacated upon cessation of trading hours.",
    "What is tofu?",
    "Three children want the seat at the window on a train ride of four hours, and none of them wants to give way to "
    "the others. Suggest a way to decide that all three will think is fair, and say how you would explain it to them.",
    "Explain what a database index does, with an example from a library.",
    "List the steps for planting a tree in clay soil.",
    "Name a warm colour.",
    "Why do we see lightning before we hear the thunder, and how can I tell from the two of them how far away a storm "
    "is?",
    "What rhymes with moon?",
)
"""Short ones and long ones, as people write them: 33 to 81 tokens with SmolLM2's chat template, 46 on average."""


def _words(text: str) -> list[str]:
    return text.split()


PLAIN = _words(
    "table river window paper morning garden letter stone market bottle bridge corner winter engine basket "
    "number circle village ladder button carpet island pocket kettle tunnel feather hammer blanket meadow "
    "walks turns holds opens carries follows becomes remains seems under between along beside after before "
    "the a this that some every another and or but slowly often later again usually"
)
KIND = _words("happy bright lovely gentle warm cheerful splendid generous")
RULE = "more of the words " + ", ".join(KIND)


def messages(text: str) -> tuple[Message, ...]:
    """A conversation of one turn."""
    return ({"role": "user", "content": text},)


def prompts(count: int) -> tuple[Prompt, ...]:
    """The first `count` instructions, from the beginning again when there are more."""
    return tuple(Prompt(f"p{number}", messages(INSTRUCTIONS[number % len(INSTRUCTIONS)])) for number in range(count))


def pairs(count: int, *, seed: int, split: str = "train", words: tuple[int, int] = (8, 60)) -> tuple[Pair, ...]:
    """Prompts with two answers of so many words; the better one has at least two more of the kind words.

    Length says nothing about which one that is.
    """
    draw = random.Random(seed)
    made = []
    for number in range(count):
        fewer = draw.randint(0, 3)
        more = fewer + draw.randint(2, 4)
        prompt = f"Write about the {draw.choice(PLAIN[:30])} and the {draw.choice(PLAIN[:30])}."
        chosen, rejected = (_answer(draw, draw.randint(*words), kind) for kind in (more, fewer))
        made.append(Pair(f"{split}{number}", messages(prompt), chosen, rejected, 1.0, split, (f"{split}{number}",)))
    return tuple(made)


def _answer(draw: random.Random, length: int, kind: int) -> str:
    found: list[str] = [draw.choice(KIND) for _ in range(min(kind, length))]
    found += [draw.choice(PLAIN) for _ in range(length - len(found))]
    draw.shuffle(found)
    return " ".join(found)


def count_of(text: str) -> int:
    """How many kind words a text has: what the rule counts."""
    return sum(word in KIND for word in text.split())


def digest(ids: Sequence[Sequence[int]]) -> str:
    """A short name of these token ids in any order: equal on both sides when they were given the same work."""
    import hashlib

    text = "\n".join(sorted(",".join(map(str, row)) for row in ids))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
