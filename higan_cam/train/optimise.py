"""What an optimiser's step needs in every trainer: the worker's share, the learning rate, averages."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from higan_cam.errors import ConfigError
from higan_cam.train.settings import World


def share_of(batch: int, world: World) -> int:
    """Images of one worker's step.

    Raises:
        ConfigError: the batch does not divide by the workers.
    """
    if batch % world.size:
        raise ConfigError(f"batch of {batch} images does not divide by {world.size} workers; use a divisor")
    return batch // world.size


def in_precision(precision: str, device: str) -> AbstractContextManager[object]:
    """Where products are taken in `float32` or, by autocast, in `bfloat16` on that device."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(torch.device(device).type, torch.bfloat16)


def cosine_rate(step: int, steps: int, peak: float, warmup: int = 150, floor: float = 0.02) -> float:
    """Linear warm-up to `peak`, then a cosine down to `floor` x `peak` at the last step."""
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done)))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every parameter group this learning rate, times its own `factor` if it has one."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("factor", 1.0)


def average_gradients(parameters: Iterable[Tensor], world: World) -> None:
    """Replace every gradient by its mean over the workers (one all-reduce of one flat vector)."""
    if world.size == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients]) / world.size
    torch.distributed.all_reduce(flat)
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def gathered(part: Tensor, world: World) -> Tensor:
    """(N,…) of this worker -> (N * size,…) of all of them, in order, without history."""
    if world.size == 1:
        return part.detach()
    parts = [torch.empty_like(part) for _ in range(world.size)]
    torch.distributed.all_gather(parts, part.detach().contiguous())
    return torch.cat(parts)


def descend(
    loss: Tensor, optimizer: torch.optim.Optimizer, parameters: Iterable[nn.Parameter], largest: float, world: World
) -> None:
    """One step of the optimiser on the mean of all workers' losses.

    Args:
        loss: this worker's, a scalar with its history.
        parameters: those that move; a gradient longer than `largest` over all of them is shortened to that.
    """
    moving = list(parameters)
    optimizer.zero_grad()
    loss.backward()
    average_gradients(moving, world)
    torch.nn.utils.clip_grad_norm_(moving, largest)
    optimizer.step()


@torch.no_grad()
def update_average(average: nn.Module, current: nn.Module, images: int, seen: int) -> None:
    """Exponential moving average of the weights, half-life min(3000, 100 + seen / 8) images."""
    half_life = min(3000.0, 100 + seen / 8)
    keep = 0.5 ** (images / half_life)
    for target, source in zip(average.parameters(), current.parameters(), strict=True):
        target.lerp_(source, 1 - keep)
    for kept, latest in zip(average.buffers(), current.buffers(), strict=True):
        kept.copy_(latest)
