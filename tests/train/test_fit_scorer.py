"""Training the lighting scorer on a tiny scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from higan_cam.rooms import level, render
from higan_cam.train import fit_scorer as module
from higan_cam.train.common import held_out_latents, save_checkpoint
from higan_cam.train.evaluate import scorer_metrics
from higan_cam.train.fit_scorer import augment, fit_scorer, recolour
from higan_cam.train.settings import Progress, ScorerSettings


def ignore(_: Progress) -> None:
    """Nobody watches."""


def settings_in(folder: Path, steps: int) -> ScorerSettings:
    return ScorerSettings(output=str(folder), width=4, resolution=32, steps=steps, batch=8, checkpoint_every=3)


def test_resuming_gives_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fit_scorer(settings_in(tmp_path / "whole", 7), ignore).state_dict()

    def save_then_stop(path: Path, settings: ScorerSettings, state: dict[str, Any]) -> None:
        save_checkpoint(path, settings, state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "save_checkpoint", save_then_stop)
        with pytest.raises(KeyboardInterrupt):
            fit_scorer(settings_in(tmp_path / "cut", 7), ignore)
    resumed = fit_scorer(settings_in(tmp_path / "cut", 7), ignore).state_dict()
    assert [key for key in whole if not torch.equal(whole[key], resumed[key])] == []


@pytest.mark.slow
def test_it_learns_to_rank_rooms_by_their_light(tmp_path: Path) -> None:
    scorer = fit_scorer(settings_in(tmp_path, 150), ignore)
    z = held_out_latents(200)
    assert scorer_metrics(scorer, render(z, 32), level(z))["spearman"] > 0.5


def test_augmentation_is_small_seeded_and_softens_half() -> None:
    images = render(held_out_latents(6), 32)
    first, second = (augment(images, torch.Generator().manual_seed(2)) for _ in range(2))
    assert torch.equal(first, second)
    change = (first - images).abs().mean(dim=(1, 2, 3))
    assert change[3:].max() < 0.03
    assert (change > 0).all()
    assert first.shape == images.shape


def test_recolouring_fades_colours_and_shifts_tones_but_keeps_the_order_of_light() -> None:
    images = render(held_out_latents(6), 32)
    first, second = (recolour(images, torch.Generator().manual_seed(2), 1.0) for _ in range(2))
    assert torch.equal(first, second)
    assert first.abs().max() <= 1
    colour, before = ((part.amax(dim=1) - part.amin(dim=1)).mean(dim=(1, 2)) for part in (first, images))
    assert ((colour / before).diff().abs() > 0.01).all()  # each image by another amount
    assert (colour < 1.2 * before).all()
    grey = images.mean(dim=1, keepdim=True).expand(-1, 3, -1, -1)
    brightness = recolour(grey, torch.Generator().manual_seed(2), 1.0)[:, 0].flatten(1)
    by_light = brightness.gather(1, grey[:, 0].flatten(1).argsort(dim=1))
    assert (by_light.diff(dim=1) >= -1e-5).all()
    assert torch.allclose(recolour(images, torch.Generator(), 0.0), images, atol=1e-6)
