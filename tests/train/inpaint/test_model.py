"""The network around the UNet: what it sees, what it leaves, how it is stored."""

from __future__ import annotations

import builtins
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from higan_cam.errors import ConfigError, WeightsError
from higan_cam.train.inpaint.model import LIGHT_SCALE, Inpainter, build_inpainter, load_inpainter
from higan_cam.train.inpaint.settings import InpaintSettings
from higan_cam.weights.files import save_tensors

pytest.importorskip("diffusers", reason="diffusers is a development extra")
Settings = Callable[..., InpaintSettings]


def scene() -> tuple[Tensor, Tensor, Tensor]:
    """Two unlit pictures, their masks, their indices."""
    draws = torch.Generator().manual_seed(0)
    unlit = torch.rand((2, 3, 16, 16), generator=draws) - 1
    return unlit, (torch.rand((2, 1, 16, 16), generator=draws) > 0.5).float(), torch.tensor([3, 8])


class Constant(Inpainter):
    """Answers with one light everywhere, whatever it sees."""

    light = 0.25

    def forward(self, light: Tensor, *_: Tensor) -> Tensor:
        return torch.full_like(light, self.light * LIGHT_SCALE)


def test_it_answers_with_a_light_of_the_pictures_shape_that_depends_on_all_it_sees(small: Settings) -> None:
    network = build_inpainter(small()).eval()
    unlit, mask, _ = scene()
    light, t = torch.randn(unlit.shape, generator=torch.Generator().manual_seed(1)), torch.tensor([0.2, 0.9])
    with torch.no_grad():
        answer = network(light, t, unlit, mask)
        others = [network(-light, t, unlit, mask), network(light, t.flip(0), unlit, mask)]
        others += [network(light, t, -unlit, mask), network(light, t, unlit, 1 - mask)]
    assert answer.shape == unlit.shape
    assert not any(torch.allclose(answer, other) for other in others)


def test_relighting_adds_the_light_in_the_pictures_own_units_and_clamps(small: Settings) -> None:
    network = Constant(16, 2, (8, 8), sampling_steps=3)
    unlit, mask, index = scene()
    torch.testing.assert_close(network.relight(unlit, mask, index), unlit + 0.25)
    network.light = 5.0
    assert torch.equal(network.relight(unlit, mask, index), torch.ones_like(unlit))


def test_a_picture_is_relit_the_same_alone_and_in_a_batch(small: Settings) -> None:
    network = build_inpainter(small()).eval()
    unlit, mask, index = scene()
    both = network.relight(unlit, mask, index)
    torch.testing.assert_close(network.relight(unlit[1:], mask[1:], index[1:])[0], both[1], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(network.relight(unlit, mask, index, seed=1), both)


def test_the_seed_decides_the_random_start(small: Settings) -> None:
    first, again, other = (build_inpainter(small(seed=seed)).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_a_stored_network_comes_back(small: Settings, tmp_path: Path) -> None:
    network = build_inpainter(small())
    save_tensors(tmp_path / "a.safetensors", network.state_dict(), {"settings": json.dumps(network.settings)})
    loaded = load_inpainter(tmp_path / "a.safetensors")
    assert loaded.settings == network.settings
    unlit, mask, index = scene()
    assert torch.equal(loaded.relight(unlit, mask, index), network.eval().relight(unlit, mask, index))


def test_another_kind_of_weights_is_refused(small: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_tensors(path, {"weight": torch.zeros(2)}, {})
    with pytest.raises(WeightsError, match="not an inpainter"):
        load_inpainter(path)


def test_without_diffusers_the_way_to_get_it_is_named(small: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "diffusers":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"pip install 'higan-cam\[inpaint\]'"):
        build_inpainter(small())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 18}, "size: 18 px does not divide by 4"),
        ({"channels": (8, 12)}, "channels: expected positive multiples of 8"),
        ({"channels": ()}, "channels"),
        ({"steps": 0}, "steps: must be >= 1"),
        ({"empty": 0.7, "part": 0.7}, "empty and part"),
    ],
)
def test_settings_that_cannot_work_are_refused(small: Settings, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        small(**changes)
