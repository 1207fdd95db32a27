"""Stable Diffusion's parts in miniature: diffusers' own classes, random weights, nothing downloaded.

The VAE takes a picture to a quarter of its size, so that small masks survive in the latents of 64 px pictures.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.transforms import v2

CHANNELS = 4
"""Of latents."""
DOWN = 4
"""Pixels per latent pixel."""
_WIDTH = 16
"""Of text embeddings and of the first block."""


@dataclass(frozen=True)
class Parts:
    """Everything of a Stable Diffusion but the part that is trained. Frozen."""

    vae: Any
    text_encoder: Any
    tokenizer: Any
    scheduler: Any

    @torch.no_grad()
    def latents(self, pictures: Tensor) -> Tensor:
        """(N,3,H,W) in [-1,1] to (N,4,H/4,W/4)."""
        latents: Tensor = self.vae.encode(pictures).latent_dist.mode() * self.vae.config.scaling_factor
        return latents

    @torch.no_grad()
    def words(self, texts: Sequence[str]) -> Tensor:
        """N texts to (N,77,D)."""
        known = self.tokenizer(list(texts), padding="max_length", truncation=True, return_tensors="pt").input_ids
        states: Tensor = self.text_encoder(known)[0]
        return states


def parts(folder: Path) -> Parts:
    """The parts, with a tokenizer that spells every word (its files go into `folder`)."""
    torch.manual_seed(0)
    vae = diffusers.AutoencoderKL(
        block_out_channels=(8, 8, 16),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=CHANNELS,
        norm_num_groups=8,
        scaling_factor=4.0,  # of these random weights: latents of about unit variance
    )
    tokenizer = _tokenizer(folder)
    text_encoder: Any = transformers.CLIPTextModel(
        transformers.CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=_WIDTH,
            intermediate_size=2 * _WIDTH,
            num_hidden_layers=2,
            num_attention_heads=2,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    return Parts(
        vae.requires_grad_(False).eval(),
        text_encoder.requires_grad_(False).eval(),
        tokenizer,
        _scheduler(),
    )


def unet(channels: int) -> Any:
    """A UNet2DConditionModel of about half a million parameters that takes `channels` channels."""
    torch.manual_seed(1)
    return diffusers.UNet2DConditionModel(
        sample_size=64,
        in_channels=channels,
        out_channels=CHANNELS,
        block_out_channels=(_WIDTH, 2 * _WIDTH),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=_WIDTH,
        attention_head_dim=8,
        norm_num_groups=8,
    )


def picture_batch(pictures: Iterable[Any], size: int, *, normalise: bool = True) -> Tensor:
    """PIL pictures as diffusers' example trainers take them: (N,3,size,size) in [-1,1], or [0,1] for conditions."""
    steps = [v2.Resize(size), v2.CenterCrop(size), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    steps += [v2.Normalize([0.5], [0.5])] if normalise else []
    return torch.stack([v2.Compose(steps)(picture.convert("RGB")) for picture in pictures])


Predict = Callable[[Tensor, Tensor], Tensor]
"""(noisy latents, timesteps) -> noise."""


@dataclass(frozen=True)
class Task:
    """Noise to be found again in fixed latents: an overfit that can be measured."""

    latents: Tensor
    noise: Tensor
    timesteps: Tensor
    noisy: Tensor

    @classmethod
    def of(cls, parts: Parts, latents: Tensor) -> Task:
        """Seeded noise and timesteps for every latent."""
        generator = torch.Generator().manual_seed(2)
        noise = torch.randn(latents.shape, generator=generator)
        steps = torch.randint(0, parts.scheduler.config.num_train_timesteps, (len(latents),), generator=generator)
        return cls(latents, noise, steps, parts.scheduler.add_noise(latents, noise, steps))

    def loss(self, predict: Predict) -> Tensor:
        """Mean squared error of the predicted noise."""
        return F.mse_loss(predict(self.noisy, self.timesteps), self.noise)

    def fit(self, model: nn.Module, predict: Predict, steps: int, rate: float) -> list[float]:
        """The losses of `steps` steps of AdamW."""
        optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
        losses = []
        for _ in range(steps):
            loss = self.loss(predict)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        return losses


def _scheduler() -> Any:
    """With the settings of Stable Diffusion 1."""
    betas = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    return diffusers.DDPMScheduler(**betas, steps_offset=1, clip_sample=False)


def _tokenizer(folder: Path) -> Any:
    letters = [chr(code) for code in range(ord("!"), ord("~") + 1)]
    spelled = [f"{letter}{end}" for letter, end in itertools.product(letters, ("", "</w>"))]
    names = [*spelled, "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({name: number for number, name in enumerate(names)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return transformers.CLIPTokenizer.from_pretrained(folder, model_max_length=77)
