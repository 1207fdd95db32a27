"""The upscaler's network, and how pictures are shrunk for it."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
import torch

from higan_cam.errors import ConfigError
from higan_cam.generate.images import from_uint8
from higan_cam.redraw.network import UpscalerNetwork, enlarged, shrunk
from tests.relight.translator.conftest import picture

Build = Callable[..., UpscalerNetwork]


@pytest.mark.parametrize("scale", [2, 4])
def test_an_untrained_network_is_bicubic_enlargement(scale: int) -> None:
    small = from_uint8(picture(9, 14)[None])
    found = UpscalerNetwork(scale, 8, 1)(small)
    assert found.shape == (1, 3, 9 * scale, 14 * scale)
    assert torch.equal(found, enlarged(small, scale))
    theirs = cv2.resize(small[0].permute(1, 2, 0).numpy(), (14 * scale, 9 * scale), interpolation=cv2.INTER_CUBIC)
    np.testing.assert_allclose(found[0].detach().permute(1, 2, 0).numpy(), theirs, atol=1e-5)


def test_training_and_use_are_the_same(build: Build) -> None:
    network, small = build(), from_uint8(np.stack([picture(12, 10), 255 - picture(12, 10)]))
    assert torch.equal(network.train()(small), network.eval()(small))
    torch.testing.assert_close(network(small[1:]), network(small)[1:], atol=1e-5, rtol=0)


def test_what_lies_further_than_its_reach_has_no_say(build: Build) -> None:
    network = build()
    small = from_uint8(picture(5, 60)[None])
    other, far = small.clone(), 20 + network.reach
    other[..., far + 1 :] *= -1
    assert torch.equal(network(small)[..., : 2 * 21], network(other)[..., : 2 * 21])
    other[..., far - 1 :] *= -1
    assert not torch.equal(network(small)[..., : 2 * 21], network(other)[..., : 2 * 21])


def test_shrinking_by_area_is_the_mean_of_squares_to_a_level() -> None:
    large = picture(8, 12)
    found = (shrunk(from_uint8(large[None]), 4, "area")[0].permute(1, 2, 0).numpy() + 1) * 127.5
    means = large.reshape(2, 4, 3, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(found, np.rint(found), atol=1e-3)
    assert np.abs(found - means).max() <= 0.51


@pytest.mark.parametrize("kernel", ["area", "bicubic"])
def test_shrinking_leaves_no_trace_of_a_pattern_that_is_too_fine(kernel: str) -> None:
    """Every other pixel white: a small picture must be grey, and stays where it is."""
    large = torch.ones(1, 3, 16, 16)
    large[..., 0::2, 0::2] = large[..., 1::2, 1::2] = -1
    assert float(shrunk(large, 2, kernel).abs().max()) < 0.1


@pytest.mark.parametrize(("changes", "said"), [({"scale": 3}, "scale: must be one of 2, 4"), ({"blocks": 0}, "blocks")])
def test_a_network_that_there_is_not_is_refused(changes: dict[str, int], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        UpscalerNetwork(**{"scale": 2, **changes})
