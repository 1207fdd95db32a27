"""An upscaler's figures, on pictures whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.measure.redrawn.upscaled import edge_error, measure_upscaler
from higan_cam.redraw.network import UpscalerNetwork
from higan_cam.redraw.upscaler import as_upscaler
from tests.relight.translator.conftest import picture


def test_the_same_edges_have_no_error_and_a_flat_picture_all_of_it() -> None:
    true = np.zeros((16, 16, 3), np.uint8)
    true[:, 8:] = 200
    assert edge_error(true, true) == 0
    assert edge_error(np.zeros_like(true), true) == pytest.approx(1)
    assert edge_error(true // 2, true) == pytest.approx(0.5)
    assert edge_error(true, np.zeros_like(true)) == 0


def test_an_untrained_network_gains_nothing_over_bicubic() -> None:
    result = measure_upscaler(as_upscaler(UpscalerNetwork(2, 4, 1), "area"), [picture(16, 24)] * 2, "area")
    assert (result.count, result.scale, result.worst) == (2, 2, 0)
    assert result.figures["gain"].value == 0
    assert result.figures["psnr"] == result.figures["bicubic_psnr"]
