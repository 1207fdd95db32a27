"""Translators of random weights, small enough for every test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from higan_cam.relight.response import RESPONSES
from higan_cam.relight.translator import Translator
from higan_cam.relight.translator.network import TranslatorNetwork
from higan_cam.types import ByteArray

Build = Callable[..., Translator]


@pytest.fixture
def build() -> Build:
    """A translator of two halvings at random weights, learned from pictures of 16 px."""

    def made(response: str = "film", **changes: Any) -> Translator:
        torch.manual_seed(3)
        network = TranslatorNetwork(**{"channels": (8, 8, 16), **changes})
        return Translator(network.eval().requires_grad_(False), 16, RESPONSES[response], "lamps")

    return made


def picture(height: int, width: int) -> ByteArray:
    """Levels without a pattern."""
    return np.random.Generator(np.random.Philox(height * width)).integers(0, 256, (height, width, 3), np.uint8)
