"""What the sides work on: written instructions, and pairs of answers whose preference follows a rule."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ..feedback.base import Message, Pair, Prompt

INSTRUCTIONS = (
    "Explain in two sentences why the sky looks blue at noon and red in the evening.",
    "Write a short, friendly note that thanks a neighbour for watering the plants.",
    "Name three things that I should check before I buy a used bicycle.",
    "What is the difference between weather and climate?",
    "Suggest a simple dinner from rice, eggs, spinach and one onion.",
    "How do I remove a coffee stain from a white cotton shirt?",
    "Describe a quiet morning in a fishing village to someone who has never seen the sea.",
    "Give me one good reason to learn a second language late in life.",
    "Turn this into a polite request: send me the report today, I have waited long enough.",
    "What does a gardener do in February that pays off in June?",
    "Write the first line of a story about a lighthouse keeper who is afraid of the dark.",
    "Explain to a child of six why we have to sleep.",
    "Which questions should I ask the landlord before I sign a lease?",
    "Put these in order of size and say why: a village, a city, a hamlet, a town.",
    "How can two people share the work in a kitchen without standing in each other's way?",
    "Summarise the rules of chess in as few words as you can.",
    "My bread does not rise. What may I have done wrong?",
    "Tell me a fact about owls that surprises most people, and how we know it.",
    "Write a two-line poem about a train that is always on time.",
    "What is a fair way to decide who of three friends gets the window seat?",
    "Recommend a stretch for someone who sits at a desk all day.",
    "Explain what a database index does, with an example from a library.",
    "How would you apologise to a friend whose birthday you forgot?",
    "List the steps for planting a tree in clay soil.",
    "Why do we see lightning before we hear the thunder that belongs to it?",
    "Rewrite in plain words: the premises are to be vacated upon cessation of trading hours.",
    "What should be in a first-aid box for a weekend in the mountains?",
    "Give an example of a number that is larger than a million and means something to you.",
    "How do I explain to my grandmother what a password manager is for?",
    "Describe the taste of a ripe pear without the words sweet and soft.",
    "What makes a good question in a job interview, and what makes a bad one?",
    "Plan a rainy afternoon for two children who would rather be outside.",
)
"""As many tokens as people write: 30 to 60 each with a chat template around them."""


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
