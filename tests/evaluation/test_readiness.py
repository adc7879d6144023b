"""The learning curve against laws that were planted, and the verdict."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.evaluation.readiness import learning_curve, power_laws, readiness


def judged(n: int, noise: float, width: int = 24, seed: int = 0):
    """Differences of answers of which a hidden direction decides, all turned so that the better one is first."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=width)
    x = rng.normal(size=(n, width))
    better = x @ truth + noise * rng.normal(size=n) > 0
    x = np.where(better[:, None], x, -x).astype(np.float32)
    return x, [f"p{row // 2}" for row in range(n)], [(f"j{row}",) for row in range(n)]


@pytest.mark.parametrize(("floor", "scale", "power"), [(0.1, 0.8, 0.5), (0.0, 0.9, 0.25), (0.25, 0.4, 1.0)])
def test_a_planted_law_is_found(floor: float, scale: float, power: float) -> None:
    sizes = np.geomspace(10, 1000, 6)
    found = power_laws(sizes, (floor + scale * sizes**-power)[None])
    assert [float(each[0]) for each in found] == pytest.approx([floor, scale, power], abs=1e-6)


def test_errors_that_rise_are_fitted_by_their_mean() -> None:
    floor, scale, _ = power_laws(np.array([10.0, 100.0, 1000.0]), np.array([[0.2, 0.3, 0.4]]))
    assert (float(scale[0]), float(floor[0])) == (0.0, pytest.approx(0.3))


def test_heads_learn_more_from_more_and_the_range_holds_what_comes() -> None:
    x, groups, sources = judged(1_200, noise=1.0)
    found = learning_curve(x[:300], groups[:300], sources[:300])
    assert found is not None
    assert found.points[0].accuracy + 0.1 < found.points[-1].accuracy
    assert (found.now.judgements, found.ahead[-1].judgements) == (300, 600)
    assert found.points[-1].judgements == pytest.approx(0.7 * 300, abs=4)
    assert found.gain(100) > 0
    whole = learning_curve(x, groups, sources)
    assert whole is not None
    # What is foretold for twice as many comes near what heads then reach.
    assert found.ahead[-1].accuracy == pytest.approx(whole.accuracy(600), abs=0.04)


def test_what_is_as_good_as_it_gets_wants_no_more() -> None:
    easy = learning_curve(*judged(400, noise=0.0, width=2))
    hard = learning_curve(*judged(120, noise=0.3, width=60))
    assert easy is not None
    assert hard is not None
    assert easy.wanted() < 100
    assert hard.wanted() > 100


def test_the_same_data_gives_the_same_curve_and_groups_are_never_split() -> None:
    x, groups, sources = judged(100, noise=0.5)
    assert learning_curve(x, groups, sources) == learning_curve(x, groups, sources)
    assert learning_curve(x, ["one prompt"] * 100, sources) is None


def test_a_judgement_with_many_pairs_counts_once() -> None:
    x, groups, _ = judged(120, noise=0.5)
    found = learning_curve(x, groups, [(f"ranking {row // 6}",) for row in range(120)])
    assert found is not None
    assert found.now.judgements == 20


def test_too_few_pairs_make_no_curve() -> None:
    assert learning_curve(*judged(30, noise=0.5)) is None


@pytest.mark.parametrize(
    ("train", "held", "verdict", "reasons"),
    [
        ((0, 0), (0, 0), "missing", ("no_pairs", "no_vectors")),
        ((2, 2), (9, 3), "missing", ("no_pairs", "no_vectors")),
        ((100, 40), (0, 0), "missing", ("no_held_out", "no_vectors")),
        ((30, 20), (10, 4), "thin", ("few_pairs", "few_held_out", "no_vectors")),
        ((300, 90), (60, 20), "ready", ("no_vectors",)),
    ],
)
def test_verdicts_without_a_curve(train, held, verdict, reasons) -> None:
    found = readiness(train, held, 3, 0, None)
    assert (found.verdict, found.reasons, found.more) == (verdict, reasons, None)


def test_a_curve_that_rises_or_is_chance_is_thin() -> None:
    rising = readiness((300, 90), (60, 20), 0, 360, learning_curve(*judged(120, noise=0.3, width=60)))
    assert (rising.verdict, rising.reasons) == ("thin", ("rising",))
    assert rising.more
    rng = np.random.default_rng(5)
    noise = learning_curve(rng.normal(size=(200, 8)), [f"p{n}" for n in range(200)], [(f"j{n}",) for n in range(200)])
    assert "chance" in readiness((300, 90), (60, 20), 0, 200, noise).reasons
