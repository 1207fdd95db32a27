"""Grey and transparent pictures: what comes out is RGB all the same, and what is grey stays so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from higan_cam.errors import ConfigError
from higan_cam.generate import load_generator, sample_latents
from higan_cam.train.gan.export import train_and_export_gan
from higan_cam.train.gan.pictures import read_pictures
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.state import networks
from higan_cam.train.gan.steering.colours import grey, without_colour
from higan_cam.train.gan.watch import Watching
from higan_cam.train.settings import World

Build = Callable[..., GanSettings]
CHANNELS = {"grey": 1, "colour": 3, "transparent": 4}


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Eight pictures of 20 x 12 px each: of one channel, of three, and of four, whose right half is transparent."""
    draw = np.random.Generator(np.random.Philox(2))
    places = {name: tmp_path / name for name in CHANNELS}
    for name, channels in CHANNELS.items():
        places[name].mkdir()
        for number in range(8):
            image = draw.integers(0, 200, (12, 20, channels)).astype(np.uint8)
            if channels == 4:
                image[:, :, 3] = np.where(np.arange(20) < 10, 255, 0)
            cv2.imwrite(str(places[name] / f"{number}.png"), image)
    return places


@pytest.mark.parametrize("network", ["dcgan", "stylegan2"])
@pytest.mark.parametrize("source", ["grey", "colour"])
def test_a_generator_of_grey_pictures_is_read_as_rgb_and_draws_no_colour(
    source: str, network: str, folders: dict[str, Path], build: Build
) -> None:
    settings = build(network, pictures=str(folders[source]), colours="grey", images=16, augment="diffaugment")
    train_and_export_gan(settings, lambda _: None, World(), Watching(samples=0, judged=0))
    images = drawn(settings)
    assert images.shape == (4, 3, 8, 8)
    assert torch.equal(images[:, 0], images[:, 1])
    assert torch.equal(images[:, 0], images[:, 2])
    assert images.std() > 0


def test_transparent_pictures_are_trained_on_as_they_look_on_white(folders: dict[str, Path], build: Build) -> None:
    settings = build(pictures=str(folders["transparent"]), images=16)
    squares = read_pictures(settings).train
    assert squares.shape == (8, 8, 8, 3)
    assert (squares[:, :, 4:] == 255).all()
    assert squares[:, :, :3].mean() < 150
    train_and_export_gan(settings, lambda _: None, World(), Watching(samples=0, judged=0))
    assert drawn(settings).shape == (4, 3, 8, 8)


def drawn(settings: GanSettings) -> torch.Tensor:
    """(4,3,S,S) by what the main job loads."""
    generator = load_generator(settings.output)
    codes = torch.from_numpy(sample_latents(range(4), 0, settings.z_dim, normalize=False))
    with torch.no_grad():
        return generator.synthesize(generator.truncate(generator.map(codes)))[0]


def test_grey_is_what_the_eye_sees_of_the_colours() -> None:
    image = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [90, 90, 90]]], np.uint8)
    assert grey(image)[0].tolist() == [[76] * 3, [150] * 3, [29] * 3, [90] * 3]


@pytest.mark.parametrize("network", ["dcgan", "stylegan2"])
def test_without_colour_a_grey_generator_stays_as_it_is(network: str, build: Build) -> None:
    generator: Any = networks(build(network))[0]
    without_colour(generator)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    without_colour(generator)
    torch.testing.assert_close(generator.state_dict(), before, rtol=1e-6, atol=1e-7)


def test_all_of_a_picture_is_shown_where_it_is_padded(folders: dict[str, Path], build: Build) -> None:
    place = folders["colour"] / "wide.png"
    image = np.zeros((12, 24, 3), np.uint8)
    image[:, :4] = 255
    cv2.imwrite(str(place), image)
    cropped, padded = (read_pictures(build(pictures=str(place.parent), fit=fit)).train[-1] for fit in ("crop", "pad"))
    assert cropped.max() < 10
    assert padded[:, 0].min() > 240


@pytest.mark.parametrize("said", [{"colours": "sepia"}, {"fit": "squeeze"}])
def test_other_names_are_refused(said: dict[str, str], build: Build) -> None:
    with pytest.raises(ConfigError, match=next(iter(said))):
        build(**said)
