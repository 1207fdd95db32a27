"""Tiny settings and a few coloured pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.gan.settings import GanSettings, recipe
from higan_cam.train.gan.state import start
from higan_cam.train.gan.steps import Steps
from higan_cam.train.settings import World


@pytest.fixture
def pictures() -> Pictures:
    """12 pictures to train on and 4 apart, of 8 px."""
    draw = np.random.Generator(np.random.Philox(1))
    every = draw.integers(0, 256, (16, 8, 8, 3)).astype(np.uint8)
    return Pictures(every[:12], every[12:], "0" * 64, ())


@pytest.fixture
def gradients(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[list[Tensor]]]:
    """`gradients(settings, pictures, world, second)`: of every network that the first step moves, in its order."""

    def take(
        settings: GanSettings, pictures: Pictures, world: World, second: Pictures | None = None
    ) -> list[list[Tensor]]:
        found = list[list[Tensor]]()
        steps = Steps(settings, start(settings), pictures, world, second)

        def keep(loss: Tensor, optimizer: torch.optim.Optimizer) -> None:
            optimizer.zero_grad()
            loss.backward()
            moved = [parameter for group in optimizer.param_groups for parameter in group["params"]]
            found.append([p.grad.clone() for p in moved if p.grad is not None])

        monkeypatch.setattr(steps, "_descend", keep)
        steps.take(0)
        return found

    return take


@pytest.fixture
def build(tmp_path: Path) -> Callable[..., GanSettings]:
    """`build(network, **said)`: settings of a second."""

    def make(network: str = "stylegan2", **said: Any) -> GanSettings:
        usual: dict[str, Any] = {
            **{"output": str(tmp_path / "out"), "pictures": "pictures", "side": 8, "z_dim": 8, "width": 8},
            **{"channels": (8,) if network == "dcgan" else (8, 8), "mapping_layers": 2, "batch": 8, "images": 48},
            **{"penalty_every": 2, "checkpoint_every": 3},
        }
        return recipe(network, **(usual | said))

    return make
