"""Tiny generators in files, and settings that learn from them in a second."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from higan_cam.generate import DCGAN, StyleGAN2
from higan_cam.train.encoder.fit import source_of
from higan_cam.train.encoder.samples import Source
from higan_cam.train.encoder.settings import EncoderSettings
from higan_cam.weights.files import save_tensors
from tests.support.generators import SMALL, small, small_latent

Build = Callable[..., EncoderSettings]


@pytest.fixture(scope="session", params=["stylegan2", "dcgan"])
def weights(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of a generator with w, and of one without."""
    path = tmp_path_factory.mktemp("weights") / f"{request.param}.safetensors"
    style = request.param == "stylegan2"
    network = small(StyleGAN2) if style else small_latent(DCGAN)
    kept = ("truncation_psi", "truncation_layers")
    settings = {name: SMALL[name] for name in kept} if style else {}
    tensors = {
        name: value.float() if value.is_floating_point() else value for name, value in network.state_dict().items()
    }
    save_tensors(path, tensors, {"settings": json.dumps(settings)})
    return path


@pytest.fixture
def build(weights: Path, tmp_path: Path) -> Build:
    """Settings of a tiny encoder of that generator, with overrides."""

    def make(**changes: Any) -> EncoderSettings:
        usual: dict[str, Any] = {
            **{"output": str(tmp_path / "out"), "generator": str(weights), "precision": "float32"},
            **{"side": 16, "widths": (8, 8), "hidden": 16, "camera_widths": (4,), "samples": 20, "steps": 7},
            **{"batch": 8, "picture_batch": 4, "picture_every": 3, "checkpoint_every": 3, "held_out": 4},
        }
        return EncoderSettings(**{**usual, **changes})

    return make


@pytest.fixture
def source(build: Build) -> Source:
    """The generator with its statistics."""
    return source_of(build())
