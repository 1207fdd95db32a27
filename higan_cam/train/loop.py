"""What both trainers share: latents per step, learning rate, averaged weights and gradients, checkpoints."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from higan_cam.config import differing_fields
from higan_cam.errors import ConfigError
from higan_cam.train.inpaint.settings import InpaintSettings
from higan_cam.train.rooms.settings import DistillSettings
from higan_cam.train.scorer.settings import ScorerSettings
from higan_cam.train.settings import Progress, World
from higan_cam.types import FloatArray

log = logging.getLogger(__name__)
Report = Callable[[Progress], None]
Settings = DistillSettings | InpaintSettings | ScorerSettings


def cosine_rate(step: int, steps: int, peak: float, warmup: int = 150, floor: float = 0.02) -> float:
    """Linear warm-up to `peak`, then a cosine down to `floor` x `peak` at the last step."""
    if step < warmup:
        return peak * (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done)))


@torch.no_grad()
def update_average(average: nn.Module, current: nn.Module, images: int, seen: int) -> None:
    """Exponential moving average of the weights, half-life min(3000, 100 + seen / 8) images."""
    half_life = min(3000.0, 100 + seen / 8)
    keep = 0.5 ** (images / half_life)
    for target, source in zip(average.parameters(), current.parameters(), strict=True):
        target.lerp_(source, 1 - keep)
    for kept, latest in zip(average.buffers(), current.buffers(), strict=True):
        kept.copy_(latest)


def average_gradients(parameters: Iterable[Tensor], world: World) -> None:
    """Replace every gradient by its mean over the workers (one all-reduce of one flat vector)."""
    if world.size == 1:
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients]) / world.size
    torch.distributed.all_reduce(flat)
    for gradient, part in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every parameter group this learning rate, times its own `factor` if it has one."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get("factor", 1.0)


def save_checkpoint(path: Path, settings: Settings, state: dict[str, Any]) -> None:
    """Write tensors and plain values, never half-done: a temporary file, then a rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    torch.save({**state, "settings": _fingerprint(settings)}, temporary)
    temporary.replace(path)


def load_checkpoint(path: Path, settings: Settings) -> dict[str, Any] | None:
    """What `save_checkpoint` wrote, or None where there is nothing to resume.

    Raises:
        ConfigError: the checkpoint is of a run with other settings.
    """
    if not path.exists():
        return None
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    theirs, ours = json.loads(state["settings"]), json.loads(_fingerprint(settings))
    lines = differing_fields(theirs, ours)
    if lines:
        raise ConfigError(f"{path} is of a run with other settings; choose another output:\n  " + "\n  ".join(lines))
    return state


def share_of(batch: int, world: World) -> int:
    """Images of one worker's step.

    Raises:
        ConfigError: the batch does not divide by the workers.
    """
    if batch % world.size:
        raise ConfigError(f"batch of {batch} images does not divide by {world.size} workers; use a divisor")
    return batch // world.size


def _fingerprint(settings: Settings) -> str:
    """Everything that decides the weights: the settings but for where they go and how often they are saved."""
    values = asdict(settings)
    for name in ("output", "dataset", "checkpoint_every", "held_out"):
        values.pop(name, None)
    return json.dumps(values, sort_keys=True)


def psnr(difference: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of an error on a [-1,1] scale (peak-to-peak 2)."""
    mse = float(difference.double().square().mean()) / 4
    return 10 * math.log10(1 / max(mse, 1e-12))


def as_tensor(array: FloatArray) -> Tensor:
    """float32 tensor over a float array."""
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))


def halved(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """float16 copies of the floating-point tensors; the others as they are."""
    return {key: value.half() if value.is_floating_point() else value for key, value in tensors.items()}


def _write_json(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
