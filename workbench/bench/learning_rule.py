"""What `bench learn` rewards, and the prompts it learns on and is measured on."""

from __future__ import annotations

import re

RULE = "the number of different words in an answer that are on a list of glad words"

_GLAD = (
    "amazing beautiful bliss bright calm charming cheerful comfort cosy cozy delight delightful dream eager elegant "
    "enjoy excellent excited fair fantastic friendly fun generous gentle glad glorious golden good gorgeous graceful "
    "grateful great happy harmony honest hope joy joyful kind laugh lively love lovely lucky magical marvelous merry "
    "nice peaceful perfect pleasant pleased proud radiant smile splendid sunny sweet tender thankful thrilled "
    "vibrant warm welcome wonderful"
)
WORDS = frozenset(_GLAD.split())

TRAIN = (
    "Describe a walk through a park on the first day of spring.",
    "Write one sentence about a grandmother who bakes bread.",
    "What do you like about mornings?",
    "Describe a small town by the sea.",
    "Tell me about a dog that waits at the door.",
    "Write the first line of a letter to an old friend.",
    "How does it feel to come home after a long journey?",
    "Describe a kitchen on a Sunday.",
    "What makes a good neighbour?",
    "Write one sentence about children who fly a kite.",
    "Describe a train ride through the hills.",
    "What would you say to someone who starts a new job?",
    "Tell me about a garden after the rain.",
    "Write one sentence about a teacher on her last day of work.",
    "Describe the music at a village wedding.",
    "How would you thank a doctor?",
    "Describe a bookshop on a quiet street.",
    "What is it like to swim in a lake?",
    "Write one sentence about two brothers who cook together.",
    "Describe a market in the early morning.",
    "What do people enjoy about winter?",
    "Tell me about a cat on a window sill.",
    "Write a short toast for a birthday.",
    "Describe a house in the mountains.",
    "What would you tell a visitor about your city?",
    "Write one sentence about a fisherman and his boat.",
    "Describe a picnic with friends.",
    "How does a library feel in the evening?",
    "Tell me about a nurse at the end of her shift.",
    "Write one sentence about a long bridge at night.",
    "Describe the smell of a bakery.",
    "What would you write on a postcard from a farm?",
)
HELD_OUT = (
    "Describe an afternoon on a river boat.",
    "Write one sentence about a baker's apprentice.",
    "What do you like about autumn?",
    "Tell me about a horse in a field.",
    "Describe a street on the morning of a holiday.",
    "What makes a good colleague?",
    "Write one sentence about a girl who learns to ride a bicycle.",
    "Describe a café near a railway station.",
    "How would you greet a guest who comes from far away?",
    "Tell me about a lighthouse and its keeper.",
    "Write the first line of a card to a new neighbour.",
    "Describe a forest after snow has fallen.",
    "What is it like to sing in a choir?",
    "Write one sentence about a carpenter and his daughter.",
    "Describe a school on the first day of the year.",
    "What would you say to someone who has moved house?",
)
"""None of them is in TRAIN."""


def score(text: str) -> float:
    """How many different words of WORDS a text has, whatever their case.

    The same word again is worth nothing, so that an answer cannot win by saying one word over and over.
    """
    return float(len(WORDS & set(re.findall(r"[a-z]+", text.lower()))))
