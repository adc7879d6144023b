"""What a machine can do at most is found out quickly, also where a number format is slow."""

from typing import cast

import pytest

from workbench.bench import matmul_side
from workbench.bench.turns import Turns


class OneTurn:
    """Ends the conversation after the first iteration."""

    def start(self, **about):
        self.about = about

    def done(self, rates):
        self.rates = rates
        raise EOFError


def test_products_that_would_take_long_are_not_tried(monkeypatch):
    tried = []

    def rate(size, dtype, device, seconds):
        tried.append((str(dtype), size))
        return 1e9 if "bfloat16" in str(dtype) else 1e11

    monkeypatch.setattr(matmul_side, "matmul_rate", rate)
    turn = OneTurn()
    with pytest.raises(EOFError):
        matmul_side.run({"device": "cpu"}, cast("Turns", turn))
    assert [size for name, size in tried if "bfloat16" in name] == [256]
    assert [size for name, size in tried if "float32" in name] == [256, 1024, 2048]
    assert turn.rates == {"bfloat16": 1e9, "float32": 1e11}
