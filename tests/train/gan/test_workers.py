"""Processes that train together: the same weights on all, and those of one that has the whole batch."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from higan_cam.train.gan.fit import fit_gan
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.state import GanState, start
from higan_cam.train.settings import World
from tests.support.waiting import PATIENCE_S

Build = Callable[..., GanSettings]
SAID: dict[str, Any] = {
    "augment": "ada",
    "ada_kimg": 0.05,
    "ada_target": -0.9,
    "path_weight": 2.0,
    "path_every": 2,
    "mixing": 1.0,
}


def tensors(state: GanState) -> dict[str, Tensor]:
    """Weights, what Adam keeps (its step does not see the size of a gradient, its squares do), and chances."""
    found = {name: torch.tensor(getattr(state, name)) for name in ("chance", "path_mean", "signs")}
    for part, each in state.parts.items():
        if isinstance(each, torch.optim.Optimizer):
            kept = each.state_dict()["state"]
            found |= {f"{part}.{number}": value["exp_avg_sq"] for number, value in kept.items()}
        else:
            found |= {f"{part}.{name}": value for name, value in each.state_dict().items()}
    return found


def work(rank: int, size: int, settings: GanSettings, pictures: Pictures, folder: str) -> None:
    """One of the workers, which leaves what it ends with."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=size)
    torch.save(tensors(fit_gan(settings, pictures, lambda _: None, World(rank, size))), f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def apart(one: dict[str, Tensor], other: dict[str, Tensor], part: str) -> float:
    """Root of the summed squares of differences over a part's tensors."""
    names = [name for name in one if name.startswith(part)]
    return float(torch.stack([(one[name] - other[name]).square().sum() for name in names]).sum().sqrt())


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 4])
def test_workers_end_in_the_same_weights_and_those_of_one(
    size: int, build: Build, pictures: Pictures, tmp_path: Path
) -> None:
    settings = build(batch=4 * size, images=24 * size, **SAID)
    alone = tensors(fit_gan(settings, pictures, lambda _: None))
    together = replace(settings, output=str(tmp_path / "together"))
    forked = multiprocessing.get_context("forkserver")
    forked.set_forkserver_preload([__name__, "torch._dynamo"])  # once, not in each of them
    workers = [
        forked.Process(target=work, args=(rank, size, together, pictures, str(tmp_path))) for rank in range(size)
    ]
    for each in workers:
        each.start()
    for each in workers:
        each.join(PATIENCE_S)
        each.kill()  # one that waits for another that broke off
    assert [each.exitcode for each in workers] == [0] * size
    left, *others = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(size))
    assert [name for each in others for name in left if not torch.equal(left[name], each[name])] == []
    began = tensors(start(settings))
    assert alone["chance"] > 0, "nothing was adapted"
    assert [float(left[name]) for name in ("chance", "signs")] == [float(alone[name]) for name in ("chance", "signs")]
    for part in ("generator.", "averaged.", "discriminator."):
        assert apart(left, alone, part) < 1e-4 * apart(alone, began, part)
    nothing = {name: torch.zeros_like(value) for name, value in alone.items()}
    for part in ("of_generator.", "of_discriminator.", "path_mean"):
        assert apart(left, alone, part) < 1e-4 * apart(alone, nothing, part)
