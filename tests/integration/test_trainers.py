"""Models of the diffusers library learn from the exports of a real run, fed by `datasets.load_dataset` alone.

Tiny, random, offline: shown is that columns, modes and values arrive as a trainer wants them, not that pictures get
good. Each model overfits eight samples, prepared as diffusers' example trainers prepare them; diffusers' own pipeline
around what was trained then takes a row as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from higan_cam.publish.exports import export_run
from higan_cam.store.store import open_store

datasets = pytest.importorskip("datasets", reason="the datasets library is a development extra")
diffusers = pytest.importorskip("diffusers", reason="diffusers is a development extra")
tiny = pytest.importorskip("tests.integration.tiny_diffusion", reason="transformers is a development extra")

pytestmark = [pytest.mark.integration, pytest.mark.slow]
SAMPLES, SIZE, STEPS, RATE = 8, 64, 30, 1e-2
FALLEN = 0.7
"""Share of the first loss that the last five must stay under; seen: 0.38 to 0.44."""
Load = Callable[[str], Any]


@pytest.fixture(scope="module")
def sd(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The frozen parts around what is trained."""
    return tiny.parts(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture
def load(reference_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Format to the first samples of its training split, through the line that `higan-cam export` prints."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()

    def first(name: str) -> Any:
        exported = export_run(open_store(reference_run), open_store(tmp_path / name), name)
        loaded = eval(exported.load, {"datasets": datasets})  # noqa: S307
        return loaded["train"].select(range(SAMPLES))

    return first


def check_fallen(losses: list[float]) -> None:
    assert np.isfinite(losses).all()
    assert max(losses[-5:]) < FALLEN * losses[0], losses


def check_drawn(pipeline: Any, prompt: str, **row: Any) -> None:
    """A pipeline takes what a row holds, and draws."""
    pipeline.set_progress_bar_config(disable=True)
    drawn = pipeline(prompt, num_inference_steps=2, output_type="np", **row).images
    assert drawn.shape[0] == 1
    assert drawn.shape[3] == 3
    assert np.isfinite(drawn).all()


def around(sd: Any, **trained: Any) -> dict[str, Any]:
    """Arguments of a Stable Diffusion pipeline."""
    known = {"vae": sd.vae, "text_encoder": sd.text_encoder, "tokenizer": sd.tokenizer, "scheduler": sd.scheduler}
    unused = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    return {**known, **unused, **trained}


def test_a_controlnet_learns_from_image_conditioning_image_and_text(sd: Any, load: Load) -> None:
    rows = load("controlnet")
    condition = tiny.picture_batch(rows["conditioning_image"], SIZE, normalise=False)
    words = sd.words(rows["text"])
    task = tiny.Task.of(sd, sd.latents(tiny.picture_batch(rows["image"], SIZE)))
    unet = tiny.unet(tiny.CHANNELS).requires_grad_(False)
    controlnet = diffusers.ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(8, 8, 16))

    def predict(noisy: torch.Tensor, steps: torch.Tensor, seen: torch.Tensor = condition) -> Any:
        down, middle = controlnet(noisy, steps, words, controlnet_cond=seen, return_dict=False)
        return unet(
            noisy, steps, words, down_block_additional_residuals=down, mid_block_additional_residual=middle
        ).sample

    check_fallen(task.fit(controlnet, predict, STEPS, RATE))
    with torch.no_grad():  # its way in starts at zero: only training can let the mask through
        unseen = predict(task.noisy, task.timesteps, torch.zeros_like(condition))
        assert not torch.equal(predict(task.noisy, task.timesteps), unseen)
    pipeline = diffusers.StableDiffusionControlNetPipeline(**around(sd, unet=unet, controlnet=controlnet))
    check_drawn(pipeline, rows[0]["text"], image=rows[0]["conditioning_image"])


def test_an_inpainting_unet_learns_from_image_and_mask(sd: Any, load: Load) -> None:
    rows = load("inpainting")
    images = tiny.picture_batch(rows["image"], SIZE)
    masks = (tiny.picture_batch(rows["mask"], SIZE, normalise=False)[:, :1] > 0.5).float()
    words = sd.words(rows["prompt"])
    task = tiny.Task.of(sd, sd.latents(images))
    # The nine channels of inpainting checkpoints: noisy latents, mask, latents of what the mask leaves.
    left = sd.latents(images * (1 - masks))
    small = F.interpolate(masks, size=left.shape[-2:])
    unet = tiny.unet(2 * tiny.CHANNELS + 1)

    def predict(noisy: torch.Tensor, steps: torch.Tensor) -> Any:
        return unet(torch.cat([noisy, small, left], dim=1), steps, words).sample

    assert 0 < masks.mean() < 0.5, "white is the part to paint"
    check_fallen(task.fit(unet, predict, STEPS, RATE))
    pipeline = diffusers.StableDiffusionInpaintPipeline(**around(sd, unet=unet))
    row = rows[0]
    check_drawn(pipeline, row["prompt"], image=row["image"], mask_image=row["mask"], height=SIZE, width=SIZE)


def test_instruct_pix2pix_learns_from_the_pairs(sd: Any, load: Load) -> None:
    rows = load("instruct-pix2pix")
    before = sd.latents(tiny.picture_batch(rows["input_image"], SIZE))
    words = sd.words(rows["edit_prompt"])
    task = tiny.Task.of(sd, sd.latents(tiny.picture_batch(rows["edited_image"], SIZE)))
    unet = tiny.unet(2 * tiny.CHANNELS)

    def predict(noisy: torch.Tensor, steps: torch.Tensor) -> Any:
        return unet(torch.cat([noisy, before], dim=1), steps, words).sample

    assert not torch.equal(task.latents, before)
    check_fallen(task.fit(unet, predict, STEPS, RATE))
    pipeline = diffusers.StableDiffusionInstructPix2PixPipeline(**around(sd, unet=unet))
    check_drawn(pipeline, rows[0]["edit_prompt"], image=rows[0]["input_image"])
