"""A generator in training: what one stage starts from, what it is trained towards, and its checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.train.checkpoints import Part, Parts
from higan_cam.train.distill.latents import as_tensor, setup_latents
from higan_cam.train.distill.settings import DistillSettings, Stage
from higan_cam.train.distill.world import MAPPING_LAYERS, ToyWorld
from higan_cam.train.distill.worlds import toy_world
from higan_cam.types import FloatArray

ADAM_BETAS = (0.9, 0.99)
PATTERN_SCALE = 0.3
PATTERN_PICTURES = 1536


@dataclass
class Trainee(Parts):
    """The mutable state of one stage.

    Attributes:
        number: of the stage in the settings; `first_step` counts the steps of the stages before it.
        current: the weights that the optimiser moves; averaged: their moving average, which is what ships.
        step: steps done in this stage.
        previous: averaged weights of the stage before, empty at the first.
    """

    number: int
    stage: Stage
    first_step: int
    current: StyleGAN2
    averaged: StyleGAN2
    optimizer: torch.optim.Optimizer
    previous: dict[str, Tensor]
    step: int = 0

    @property
    def parameters(self) -> list[Tensor]:
        """What is trained; the mapping network is not."""
        return [parameter for parameter in self.current.parameters() if parameter.requires_grad]

    @property
    def parts(self) -> dict[str, Part]:
        """What a checkpoint holds beside the counts and the stage before."""
        return {"current": self.current, "averaged": self.averaged, "optimizer": self.optimizer}

    def snapshot(self) -> dict[str, Any]:
        """What `restore` needs: tensors and plain values."""
        return {"stage": self.number, "previous": self.previous, **super().snapshot()}


def start_stage(settings: DistillSettings, number: int, previous: dict[str, Tensor], device: str) -> Trainee:
    """A stage at its first step, on that device, carrying over what the stage before has learned."""
    stage, toy = settings.stages[number], toy_world(settings.world)
    torch.manual_seed(settings.seed + number)
    current = build_generator(settings.channels, stage.resolution, toy)
    _start_from(current, previous, toy)
    averaged = build_generator(settings.channels, stage.resolution, toy).requires_grad_(False)
    averaged.load_state_dict(current.state_dict())
    current, averaged = current.to(device), averaged.to(device)
    optimizer = torch.optim.Adam(_groups(current, settings.style_rate), betas=ADAM_BETAS)
    before = sum(earlier.steps for earlier in settings.stages[:number])
    return Trainee(number, stage, before, current, averaged, optimizer, previous)


def build_generator(channels: tuple[int, ...], resolution: int, toy: ToyWorld) -> StyleGAN2:
    """The embedded architecture up to `resolution` px, with the mapping of a world."""
    sizes = resolution.bit_length() - 2
    generator = StyleGAN2(
        resolution=resolution,
        z_dim=toy.z_dim,
        w_dim=toy.w_dim,
        mapping_layers=MAPPING_LAYERS,
        mapping_width=toy.mapping_width,
        channels=channels[:sizes],
        noise_channels="per_channel",
    )
    toy.install(generator)
    return generator


def linear_patterns(resolution: int, count: int, toy: ToyWorld) -> Tensor:
    """(count,H,W) orthogonal patterns of unit deviation: the leading ones of the linear map factors -> luminance."""
    z = setup_latents(PATTERN_PICTURES, toy.z_dim)
    design = toy.design(as_tensor(toy.values(z)))
    luminance = targets(z, resolution, 0.0, toy)[0].mean(dim=1).flatten(1)
    solution: Tensor = torch.linalg.lstsq(design, luminance, driver="gelsd").solution
    patterns: Tensor = torch.linalg.svd(solution, full_matrices=False).Vh[:count]
    patterns = patterns.view(-1, resolution, resolution)
    return patterns / patterns.std(dim=(1, 2), keepdim=True)


def targets(z: FloatArray, resolution: int, detail_weight: float, toy: ToyWorld) -> tuple[Tensor, Tensor]:
    """Renders (N,3,R,R) of the latents and the loss weight (N,1,R,R), 1 + detail_weight on what matters most."""
    side = max(64, resolution)
    images, details = toy.draw(z, side)
    while side > resolution:
        images, details, side = F.avg_pool2d(images, 2), F.avg_pool2d(details, 2), side // 2
    return images, 1 + detail_weight * details


def _groups(generator: StyleGAN2, style_rate: float) -> list[dict[str, Any]]:
    """Style layers learn faster: what one factor does to one channel is one weight among w_dim."""
    named = [(name, p) for name, p in generator.synthesis.named_parameters() if p.requires_grad]
    styles = [p for name, p in named if name.endswith("style.fc.weight")]
    others = [p for name, p in named if not name.endswith("style.fc.weight")]
    return [{"params": others, "factor": 1.0}, {"params": styles, "factor": style_rate}]


def _start_from(generator: StyleGAN2, previous: dict[str, Tensor], toy: ToyWorld) -> None:
    """Carry over the layers trained so far; new RGB outputs start quiet; new noise maps start as linear patterns."""
    with torch.no_grad():
        for block, side in enumerate(generator.block_resolutions):
            output = generator.synthesis.get_submodule(f"output{block}")
            output.get_parameter("weight").mul_(0.1)
            if side >= 16:
                noise = generator.synthesis.get_submodule(f"layer{2 * block}").get_parameter("noise")
                patterns = linear_patterns(side, noise.shape[1], toy)
                noise[0, : len(patterns)] = PATTERN_SCALE * patterns
    if previous:
        own = generator.state_dict()
        fitting = {k: v for k, v in previous.items() if k in own and own[k].shape == v.shape}
        generator.load_state_dict({**own, **fitting})
