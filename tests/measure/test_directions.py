"""What a direction changes, on a linear generator where it is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from higan_cam.config import load_config
from higan_cam.manipulate.directions import Direction, oriented
from higan_cam.measure.directions import effect_of, effect_row, place_text, scores_text
from higan_cam.pipeline import Models
from tests.support.block_generator import BLOCK, GAINS, SIDE, BlockGenerator
from tests.support.scorers import WeightedMean

GENERATOR = BlockGenerator()
MODELS = Models(GENERATOR, WeightedMean(torch.tensor(1.0)), torch.device("cpu"))
VECTOR = oriented(np.arange(1.0, 7.0))


@pytest.mark.parametrize("spread", [0.1, 0.4])
def test_scores_are_per_code_unit_whatever_the_spread(spread: float) -> None:
    direction = Direction(VECTOR, (1,), "sefa_1_00", "sefa", {"spread": spread})
    effect = effect_of(MODELS, load_config(), direction, range(4), [WeightedMean(torch.tensor(0.0), "nothing")])
    styles = GENERATOR.affines[1].weight @ VECTOR
    per_unit = 3 * float(styles @ np.array(GAINS[1])) * BLOCK**2 / SIDE**2  # three colours, mean over the picture
    found = effect.scores["weighted_mean"]
    assert (found.value, found.low, found.high) == pytest.approx((per_unit,) * 3, rel=1e-3)
    assert effect.scores["nothing"].value == 0
    blocks = effect.answer.map.reshape(SIDE // BLOCK, BLOCK, SIDE // BLOCK, BLOCK).mean(axis=(1, 3))
    expected = spread * np.abs(styles * GAINS[1]) / 2
    assert blocks[1, :3] == pytest.approx(expected, rel=1e-3, abs=1e-6)
    assert np.abs(np.delete(blocks, 1, axis=0)).max() < 1e-6


def test_rows_that_do_not_move_do_not_count_and_truncated_ones_move_by_psi() -> None:
    changes = []
    for layers in ((0,), (1,), (0, 1)):
        direction = Direction(VECTOR, layers, "sefa_00", "sefa", {"spread": 0.2})
        changes.append(effect_of(MODELS, load_config(), direction, range(2), []).answer.map)
    assert changes[2] == pytest.approx(changes[0] + changes[1], abs=1e-6)
    styles = GENERATOR.affines[0].weight @ VECTOR
    assert changes[0][0, 0] == pytest.approx(0.5 * 0.2 * abs(styles[0] * GAINS[0][0]) / 2, rel=1e-3)


def test_its_words_and_its_row_of_the_table() -> None:
    direction = Direction(VECTOR, (0, 1), "sefa_00", "sefa", {"spread": 2.0, "share": 0.5})
    effect = effect_of(MODELS, load_config(), direction, range(4), [WeightedMean(torch.tensor(0.0), "nothing")])
    row = effect_row(direction, effect)
    assert (row["name"], row["layers"], row["share"], row["samples"]) == ("sefa_00", "0-1", 0.5, 4)
    assert row["scores"]["weighted_mean"]["value"] == effect.scores["weighted_mean"].value
    assert "nothing" not in scores_text(direction, effect)
    assert f"weighted_mean {2 * effect.scores['weighted_mean'].value:+.2g} [" in scores_text(direction, effect)
    assert place_text(direction, effect).startswith("rows 0-1, ")
