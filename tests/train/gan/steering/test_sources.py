"""Two sources: each discriminator sees its own part of its own source, and rows of w+ are of their own code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.errors import ConfigError
from higan_cam.generate import load_generator
from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.train import loop
from higan_cam.train.checkpoints import load_checkpoint, save_checkpoint
from higan_cam.train.gan.export import DISCRIMINATORS, settled, train_and_export_gan, with_digest
from higan_cam.train.gan.fit import fit_gan
from higan_cam.train.gan.pictures import Pictures, read_pictures
from higan_cam.train.gan.rosinality import export_rosinality
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.state import GanState, start
from higan_cam.train.gan.steering.sources import arrangement, judges, read_second, switch_row, tiles
from higan_cam.train.gan.steps import Steps
from higan_cam.train.gan.watch import Watching
from higan_cam.train.settings import World
from higan_cam.weights.files import load_tensors, save_tensors

Build = Callable[..., GanSettings]
TWO: dict[str, Any] = {"side": 16, "channels": (8, 8, 4), "switch_side": 8}


@pytest.fixture
def first() -> Pictures:
    """12 pictures of 16 px."""
    draw = np.random.Generator(np.random.Philox(4))
    return Pictures(draw.integers(0, 256, (12, 16, 16, 3)).astype(np.uint8), np.zeros((0, 16, 16, 3), np.uint8), "", ())


@pytest.fixture
def red(tmp_path: Path) -> str:
    """Folder of eight red pictures."""
    folder = tmp_path / "red"
    folder.mkdir()
    for number in range(8):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((16, 16, 3), (0, 0, 248 + number % 8), np.uint8))
    return str(folder)


def pictures(count: int = 2) -> Tensor:
    return torch.rand(count, 3, 32, 32, generator=torch.Generator().manual_seed(3)) * 2 - 1


@pytest.mark.parametrize("side", [8, 16, 32])
def test_the_rows_are_switched_where_the_first_layer_of_that_side_reads(side: int) -> None:
    generator = StyleGAN2(resolution=64, z_dim=8, w_dim=8, mapping_width=8, channels=(4, 4, 4, 4, 4))
    row = switch_row(side)
    assert generator.layer_resolutions[row - 1 : row + 1] == (side // 2, side)


def test_the_arrangement_knows_no_brightness_contrast_or_colour() -> None:
    image = pictures()
    seen = arrangement(image, 8)
    assert seen.shape == (2, 3, 8, 8)
    for changed in (image * 0.6 + 0.2, image.roll(1, dims=1)):
        torch.testing.assert_close(arrangement(changed, 8), seen, rtol=1e-2, atol=1e-2)
    assert (arrangement(image.flip(3), 8) - seen).abs().max() > 0.5
    assert arrangement(torch.full((1, 3, 32, 32), 0.7), 8).abs().max() < 1e-3


def test_tiles_are_the_picture_cut_up_from_their_corner_on() -> None:
    image = pictures()
    found = tiles(image, 8, (3, 5)).view(2, 3, 3, 3, 8, 8)
    for row in range(3):
        for column in range(3):
            top, left = 3 + 8 * row, 5 + 8 * column
            assert torch.equal(found[:, row, column], image[:, :, top : top + 8, left : left + 8])


def test_coarse_rows_are_of_one_code_and_fine_rows_of_the_other(build: Build, red: str, first: Pictures) -> None:
    settings, second = read_second(build(second=red, **TWO))
    state = start(settings)
    steps = Steps(settings, state, first, World(), second)
    codes = steps._normals(0, 0, (2, 8))
    generator = cast(StyleGAN2, state.generator)
    with torch.no_grad():
        _, w_plus = steps._samples(0, state.generator, slice(0, 8))
        coarse, fine = (generator.truncate(generator.map(codes[:, which])) for which in (0, 1))
    row = switch_row(8)
    assert torch.equal(w_plus[:, :row], coarse[:, :row])
    assert torch.equal(w_plus[:, row:], fine[:, row:])


def test_each_discriminator_learns_from_its_own_source(
    build: Build, red: str, first: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, second = read_second(build(second=red, **TWO))
    state, seen = start(settings), list[tuple[torch.nn.Module, Tensor]]()
    steps = Steps(settings, state, first, World(), second)
    monkeypatch.setattr(steps, "_learn_to_tell", lambda _, judge, reals, __: seen.append((judge.network, reals)))
    steps.take(0)
    (coarse, ofirst), (fine, osecond) = seen
    assert (coarse is state.discriminator, fine is state.second) == (True, True)
    assert float(osecond[:, 0].min()) > 0.9
    assert float(osecond[:, 1:].max()) == -1
    assert float(ofirst.mean()) == pytest.approx(0, abs=0.1)
    views = [judge.view(ofirst).shape[2] for judge in judges(settings, state.discriminators, torch.zeros(2))]
    assert views == [8, 8]


def test_two_workers_together_take_the_step_of_one_with_two_sources(
    build: Build, red: str, first: Pictures, gradients: Callable[..., list[list[Tensor]]]
) -> None:
    settings, second = read_second(build(second=red, **TWO))

    alone, left, right = (gradients(settings, first, world, second) for world in (World(), World(0, 2), World(1, 2)))
    assert len(alone) == 3
    for one, half, other in zip(alone, left, right, strict=True):
        for whole, part, rest in zip(one, half, other, strict=True):
            torch.testing.assert_close((part + rest) / 2, whole, rtol=1e-4, atol=1e-6)


def tensors(state: GanState) -> dict[str, Tensor]:
    assert state.second is not None
    parts = {"generator": state.generator, "averaged": state.averaged, "second": state.second}
    return {f"{part}.{name}": value for part, each in parts.items() for name, value in each.state_dict().items()}


def test_a_run_of_two_sources_ends_in_the_same_bytes_and_its_weights_are_read(
    build: Build, red: str, first: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save_then_stop(settings: GanSettings, state: dict[str, object]) -> None:
        save_checkpoint(settings, state)
        raise KeyboardInterrupt

    settings = build(second=red, **TWO)
    state = fit_gan(settings, first, lambda _: None)
    cut = build(second=red, output=str(tmp_path / "cut"), **TWO)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", save_then_stop)
        with pytest.raises(KeyboardInterrupt):
            fit_gan(cut, first, lambda _: None)
    whole, resumed = tensors(state), tensors(fit_gan(cut, first, lambda _: None))
    assert [name for name in whole if not torch.equal(whole[name], resumed[name])] == []
    save_tensors(tmp_path / "two.safetensors", settled(settings, state).state_dict(), {})
    assert load_generator(str(tmp_path / "two.safetensors")).resolution == 16
    (Path(red) / "3.png").unlink()
    with pytest.raises(ConfigError, match="second_sha256"):
        fit_gan(cut, first, lambda _: None)


def test_each_of_two_discriminators_has_a_file_and_none_passes_for_that_of_the_whole_picture(
    build: Build, red: str
) -> None:
    settings = build(pictures=red, second=red, **TWO)
    train_and_export_gan(settings, lambda _: None, World(), Watching(samples=0, judged=0))
    asked, _ = read_second(with_digest(settings, read_pictures(settings)))
    output, state = Path(settings.output), start(asked)
    state.restore(load_checkpoint(asked) or {})
    assert {each.name for each in output.glob("*discriminator*")} == set(DISCRIMINATORS)
    for name, (network, _) in zip(DISCRIMINATORS, state.discriminators, strict=True):
        saved = load_tensors(output / name)[0]
        assert all(torch.equal(saved[key], value.half()) for key, value in network.state_dict().items())
    assert not export_rosinality(str(output), output / "theirs.pt")


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"switch_side": 8, "second": ""}, "switch_side"),
        ({"switch_side": 16}, "switch_side"),
        ({"network": "dcgan", "channels": (8, 8)}, "network"),
        ({"augment": "ada"}, "augment"),
        ({"apart": 4}, "apart"),
    ],
)
def test_what_two_sources_do_not_go_with_is_named(said: dict[str, Any], named: str, build: Build) -> None:
    with pytest.raises(ConfigError, match=rf"^{named}: "):
        build(**{**TWO, "second": "red", **said})
