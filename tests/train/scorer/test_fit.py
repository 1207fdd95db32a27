"""Training the lighting scorer on a tiny scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from higan_cam.errors import ConfigError
from higan_cam.label import ResNet18, load_scorer
from higan_cam.rooms import level, render
from higan_cam.train import loop
from higan_cam.train.checkpoints import save_checkpoint
from higan_cam.train.distill.evaluate import save_grid, scorer_metrics
from higan_cam.train.distill.latents import held_out_latents
from higan_cam.train.scorer import fit as module
from higan_cam.train.scorer.export import train_and_export_scorer
from higan_cam.train.scorer.fit import augment, fit_scorer, recolour
from higan_cam.train.scorer.settings import ScorerSettings
from higan_cam.train.settings import Progress, World


def ignore(_: Progress) -> None:
    """Nobody watches."""


def settings_in(folder: Path, steps: int) -> ScorerSettings:
    return ScorerSettings(output=str(folder), width=4, resolution=32, steps=steps, batch=8, checkpoint_every=3)


def save_then_stop(settings: ScorerSettings, state: dict[str, Any]) -> None:
    save_checkpoint(settings, state)
    raise KeyboardInterrupt


def test_resuming_gives_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fit_scorer(settings_in(tmp_path / "whole", 7), ignore).state_dict()

    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", save_then_stop)
        with pytest.raises(KeyboardInterrupt):
            fit_scorer(settings_in(tmp_path / "cut", 7), ignore)
    resumed = fit_scorer(settings_in(tmp_path / "cut", 7), ignore).state_dict()
    assert [key for key in whole if not torch.equal(whole[key], resumed[key])] == []


def test_a_step_computes_on_the_device_of_its_world(tmp_path: Path) -> None:
    """On the device without numbers, where an operation with a tensor of another device fails."""
    settings, world = settings_in(tmp_path, 7), World(device="meta")
    learner, batches = module.start(settings, world.device), module.batches_of(settings)
    assert module._step(settings, learner, *batches(0, world), world).device.type == "meta"


@pytest.mark.slow
def test_it_learns_to_rank_rooms_by_their_light(tmp_path: Path) -> None:
    scorer = fit_scorer(settings_in(tmp_path, 80), ignore)
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rendered rooms sorted into the folders 0 to 3, as a user would; and a Places365 file with random weights."""
    root = tmp_path_factory.mktemp("pictures")
    z = held_out_latents(48)
    for number, (image, value) in enumerate(zip(render(z, 32), level(z), strict=True)):
        save_grid(root / "data" / str(round(float(value))) / f"{number:02d}.png", [image[None]])
    torch.manual_seed(0)
    tensors = {f"module.{k}": v for k, v in ResNet18(width=64, classes=365).state_dict().items()}
    torch.save({"epoch": 90, "arch": "resnet18", "state_dict": tensors, "best_prec1": 54.0}, root / "places.pth.tar")
    return root


def head_settings(folder: Path, output: Path, **changes: Any) -> ScorerSettings:
    values: dict[str, Any] = {
        "width": 64,
        "resolution": 32,
        "steps": 4,
        "batch": 4,
        "checkpoint_every": 2,
        "pictures": str(folder / "data"),
        "backbone": str(folder / "places.pth.tar"),
        "frozen": True,
    }
    return ScorerSettings(output=str(output), **{**values, **changes})


def test_a_frozen_backbone_stays_the_published_one_while_its_head_learns(folder: Path, tmp_path: Path) -> None:
    before = module.initial_scorer(head_settings(folder, tmp_path)).state_dict()
    after = fit_scorer(head_settings(folder, tmp_path), ignore).state_dict()
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed == {"head.weight", "head.first_bias", "head.gaps"}


def test_fine_tuning_changes_the_backbone_as_well(folder: Path, tmp_path: Path) -> None:
    settings = head_settings(folder, tmp_path, frozen=False, steps=1)
    before = module.initial_scorer(settings).state_dict()
    after = fit_scorer(settings, ignore).state_dict()
    assert not torch.equal(before["backbone.conv1.weight"], after["backbone.conv1.weight"])


def test_training_on_pictures_goes_on_where_it_stopped(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fit_scorer(head_settings(folder, tmp_path / "whole"), ignore).state_dict()

    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", save_then_stop)
        with pytest.raises(KeyboardInterrupt):
            fit_scorer(head_settings(folder, tmp_path / "cut"), ignore)
    resumed = fit_scorer(head_settings(folder, tmp_path / "cut"), ignore).state_dict()
    assert [key for key in whole if not torch.equal(whole[key], resumed[key])] == []


def test_what_comes_out_is_a_scorer_file_with_metrics_of_held_out_pictures(folder: Path, tmp_path: Path) -> None:
    train_and_export_scorer(head_settings(folder, tmp_path, steps=2), ignore, World())
    scorer = load_scorer("lighting", tmp_path / "scorer.safetensors")
    scores = scorer.score(render(held_out_latents(3), 32))
    assert ((scores > 0) & (scores < 3)).all()
    assert '"mae"' in (tmp_path / "metrics.json").read_text()


def test_a_backbone_of_another_width_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="width: a Places365 ResNet18 has 64 channels, got 16"):
        module.initial_scorer(head_settings(folder, tmp_path, width=16))
