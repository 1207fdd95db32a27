"""Training the inpainter on a tiny scale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from higan_cam.errors import ConfigError
from higan_cam.store.store import Store
from higan_cam.train import loop
from higan_cam.train.checkpoints import save_checkpoint
from higan_cam.train.inpaint import fit as module
from higan_cam.train.inpaint.data import Examples, Pairs, read_pairs
from higan_cam.train.inpaint.evaluate import held_out_scene, paint
from higan_cam.train.inpaint.fit import fit_inpainter, flow_loss
from higan_cam.train.inpaint.measures import luminance_gain, mean_within
from higan_cam.train.inpaint.model import LIGHT_SCALE, Inpainter
from higan_cam.train.inpaint.settings import InpaintSettings
from higan_cam.train.settings import Progress, World
from tests.train.inpaint.planted import SIDE

pytest.importorskip("diffusers", reason="diffusers is a development extra")
Settings = Callable[..., InpaintSettings]


def ignore(_: Progress) -> None:
    """Nobody watches."""


def stop_after_a_checkpoint(settings: InpaintSettings, state: dict[str, Any]) -> None:
    save_checkpoint(settings, state)
    raise KeyboardInterrupt


def test_resuming_gives_the_same_weights(small: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fit_inpainter(small(output=str(tmp_path / "whole")), ignore).state_dict()
    cut = small(output=str(tmp_path / "cut"))
    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", stop_after_a_checkpoint)
        with pytest.raises(KeyboardInterrupt):
            fit_inpainter(cut, ignore)
    assert torch.load(tmp_path / "cut" / "checkpoint.pt", weights_only=True)["step"] == 2
    resumed = fit_inpainter(cut, ignore).state_dict()
    assert [key for key in whole if not torch.equal(whole[key], resumed[key])] == []


def test_a_step_computes_on_the_device_of_its_world(small: Settings, pairs: Pairs) -> None:
    """On the device without numbers, where an operation with a tensor of another device fails."""
    settings, world = small(), World(device="meta")
    learner = module.start(settings, world.device)
    assert module._step(settings, learner, pairs, world, 0).device.type == "meta"


def test_a_checkpoint_of_other_samples_is_refused_and_one_of_a_moved_dataset_is_not(
    small: Settings, planted: Store
) -> None:
    fit_inpainter(small(steps=2, shards="one"), ignore)
    with pytest.raises(ConfigError, match="shards"):
        fit_inpainter(small(steps=2, shards="two"), ignore)
    fit_inpainter(small(steps=2, shards="one", dataset="memory://elsewhere/run"), ignore)


def test_the_loss_of_a_perfect_answer_is_zero_and_of_none_the_lights_energy() -> None:
    unlit = torch.full((2, 3, 8, 8), -0.5)
    batch = Examples(unlit, torch.ones((2, 1, 8, 8)), unlit + 0.2)
    noise, t = torch.randn((2, 3, 8, 8), generator=torch.Generator().manual_seed(0)), torch.tensor([0.3, 0.9])

    class Fixed(Inpainter):
        light = 0.2

        def forward(self, light: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
            return torch.full_like(light, self.light * LIGHT_SCALE)

    network = Fixed(8, 2, (8,), 1)
    assert float(flow_loss(network, batch, noise, t)) == pytest.approx(0, abs=1e-10)
    network.light = 0.0
    assert float(flow_loss(network, batch, noise, t)) == pytest.approx((0.2 * LIGHT_SCALE) ** 2)


@pytest.mark.slow
def test_it_learns_to_put_light_where_the_mask_says(small: Settings, planted: Store) -> None:
    settings = small(steps=120, batch=16, channels=(16, 16), checkpoint_every=120, learning_rate=5e-3)
    network = fit_inpainter(settings, ignore)
    scene = held_out_scene(read_pairs(planted, "test", SIDE), 6)
    for kind in ("own", "moved"):
        gain, mask = luminance_gain(scene.unlit, paint(network.relight, scene, kind)), scene.masks[kind][:, 0] >= 0.5
        assert float(mean_within(gain, mask).mean()) > 5 * float(mean_within(gain, ~mask).mean().abs())
