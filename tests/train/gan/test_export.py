"""From a folder of pictures to weights that the main job reads."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from higan_cam.errors import ConfigError, DataError
from higan_cam.generate import load_generator, sample_latents
from higan_cam.measure.generation.compare import compare
from higan_cam.measure.generation.features import FeatureSpace, feature_space
from higan_cam.store import open_store
from higan_cam.train.checkpoints import CHECKPOINT, load_checkpoint
from higan_cam.train.gan.export import FIGURES, SHEET, WEIGHTS, settled, train_and_export_gan, with_digest
from higan_cam.train.gan.fit import fit_gan
from higan_cam.train.gan.pictures import Pictures, read_pictures
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.steps import Steps
from higan_cam.train.gan.watch import Watching
from higan_cam.train.settings import Progress, World
from tests.support.commands import Command

Build = Callable[..., GanSettings]


FEW = Watching(samples=16, times=2, features=("rooms_scorer",), judged=64, leak_steps=0)
NOTHING = Watching(samples=0, judged=0)


def ignore(_: Progress) -> None:
    """Nobody watches."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten pictures of several sizes, and a file that is none."""
    place = tmp_path / "my pictures #1"
    place.mkdir()
    draw = np.random.Generator(np.random.Philox(2))
    for number in range(10):
        size = (20 + number, 30, 3)
        cv2.imwrite(str(place / f"{number}.png"), draw.integers(0, 256, size).astype(np.uint8))
    (place / "broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    return place


@pytest.mark.parametrize("network", ["dcgan", "stylegan2"])
def test_a_folder_becomes_weights_that_are_read_as_any_others(network: str, folder: Path, build: Build) -> None:
    settings = build(network, pictures=str(folder), apart=4)
    train_and_export_gan(settings, ignore, World(), FEW)
    output = Path(settings.output)
    figures = json.loads((output / FIGURES).read_text())
    assert (figures["pictures"], figures["held_out"], figures["unreadable"]) == (6, 4, 1)
    told = {each["name"]: each["value"] for each in figures["verdicts"]}
    assert told["numbers"] == "clean"
    assert {told[name] for name in ("collapse", "copies", "leak")} == {"not measured"}, "too few pictures for them"
    page = (output / "report" / "index.html").read_text()
    assert page.count("not measured") >= 3
    sheet = cv2.imread(str(output / SHEET))
    assert sheet is not None
    assert sheet.shape == (64, 64, 3)
    generator = load_generator(str(output))
    codes = torch.from_numpy(sample_latents(range(3), 0, settings.z_dim, normalize=False))
    with torch.no_grad():
        images = generator.synthesize(generator.truncate(generator.map(codes)))[0]
    assert images.shape == (3, 3, 8, 8)
    assert torch.isfinite(images).all()


def test_the_mean_code_is_that_of_the_averaged_mapping(build: Build, pictures: Pictures) -> None:
    settings = build()
    network: Any = settled(settings, fit_gan(settings, pictures, ignore))
    codes = torch.from_numpy(sample_latents(range(4096), settings.seed, settings.z_dim, normalize=False))
    with torch.no_grad():
        torch.testing.assert_close(network.truncation.w_avg, network.map(codes).mean(0))


def test_statistics_of_dcgan_are_those_of_its_own_samples(build: Build, pictures: Pictures) -> None:
    settings = build("dcgan")
    network: Any = settled(settings, fit_gan(settings, pictures, ignore))
    codes = torch.from_numpy(sample_latents(range(4096), settings.seed, settings.z_dim, normalize=False))
    with torch.no_grad():
        drawn = network.main[0](codes[:, :, None, None])
    torch.testing.assert_close(network.main[1].running_mean, drawn.mean(dim=(0, 2, 3)), rtol=1e-3, atol=1e-4)


def test_the_end_is_looked_at_on_the_device_that_trained(
    folder: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is one device here; by another of its names it is told from the default."""
    asked = list[str]()

    def noting(name: str, act: Callable[..., Any]) -> None:
        def noted(*given: Any, **named: Any) -> Any:
            asked.extend(str(each) for each in (*given, *named.values()) if "cpu" in str(each)[:4])
            asked.extend(each.device for each in given if isinstance(each, World | FeatureSpace))
            return act(*given, **named)

        monkeypatch.setattr(name, noted)

    noting("higan_cam.train.gan.export.Steps", Steps)
    noting("higan_cam.train.gan.watch.feature_space", feature_space)
    noting("higan_cam.train.gan.watch.compare", compare)
    train_and_export_gan(build(pictures=str(folder), apart=4), ignore, World(device="cpu:0"), FEW)
    assert len(asked) >= 3
    assert set(asked) == {"cpu:0"}


def test_pictures_that_have_changed_are_not_gone_on_with(folder: Path, build: Build) -> None:
    settings = build(pictures=str(folder))
    asked = with_digest(settings, read_pictures(settings))
    (folder / "3.png").unlink()
    with pytest.raises(ConfigError, match="have changed"):
        with_digest(asked, read_pictures(asked))


def test_too_few_pictures_are_an_error_with_the_count_and_a_reason(folder: Path, build: Build) -> None:
    with pytest.raises(
        DataError, match=r"10 pictures can be read, 9 are to be held out.*1 cannot be read, such as broken"
    ):
        read_pictures(build(pictures=str(folder), apart=9))


@pytest.mark.integration
@pytest.mark.slow
def test_the_command_trains_on_ray_and_the_main_jobs_loader_reads_what_it_leaves(
    folder: Path, tmp_path: Path, higan_cam: Command, local_ray: None
) -> None:
    output = tmp_path / "my gan"
    asked = ("--data", str(folder), "--output", str(output), "--network", "dcgan", "--side", "8", "--kimg", "0.1")
    status, told, _ = higan_cam("train", "gan", *asked, "--measure", "16", "--features", "rooms_scorer")
    assert (status, str(output / WEIGHTS) in told) == (0, True)
    assert load_generator(str(output)).resolution == 8
    assert "A generator of my pictures #1" in (output / "report" / "index.html").read_text()


def test_the_output_may_lie_in_an_object_store(folder: Path, build: Build) -> None:
    places = ["memory://gan-output", str(folder.parent / "local")]
    for place in places:
        train_and_export_gan(build("dcgan", pictures=str(folder), output=place), ignore, World(), FEW)
    bucket, local = (open_store(place) for place in places)
    assert bucket.list() == local.list()
    same = [key for key in local.list() if bucket.get(key) != local.get(key)]
    assert same == [], "bytes that depend on where they are written"


def test_a_run_that_was_killed_leaves_the_same_files(
    folder: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(Exception):
        """The process is gone."""

    whole, broken = (build(pictures=str(folder), apart=4, output=str(folder.parent / name)) for name in "ab")
    train_and_export_gan(whole, ignore, World(), FEW)
    for number in (1, 4, 5):
        taken = Steps.take

        def take(self: Steps, step: int, taken: Any = taken, number: int = number) -> torch.Tensor:
            if step == number:
                raise KilledError
            loss: torch.Tensor = taken(self, step)
            return loss

        monkeypatch.setattr(Steps, "take", take)
        with pytest.raises(KilledError):
            train_and_export_gan(broken, ignore, World(), FEW)
        monkeypatch.undo()
    train_and_export_gan(broken, ignore, World(), FEW)
    ours, theirs = (open_store(each.output) for each in (whole, broken))
    assert ours.list() == theirs.list()
    assert [key for key in ours.list() if ours.get(key) != theirs.get(key)] in ([], [CHECKPOINT])
    one, other = (load_checkpoint(with_digest(each, read_pictures(each))) or {} for each in (whole, broken))
    assert one.pop("settings") == other.pop("settings")
    torch.testing.assert_close(one, other, rtol=0, atol=0)  # its pickle alone tells who wrote it


def test_a_folder_that_is_not_there_is_named_before_anything_starts(tmp_path: Path, higan_cam: Command) -> None:
    status, _, said = higan_cam("train", "gan", "--data", str(tmp_path / "none"), "--output", str(tmp_path / "out"))
    assert (status, "none" in said) == (2, True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("workers", "said"),
    [
        ("1-4", "--batch: 16 pictures do not divide by 3 of --workers 1-4; take 12 or a multiple of it"),
        ("3", "--batch: 16 pictures do not divide by 3 of --workers 3; take 3 or a multiple of it"),
        ("1-2", "lies in --data"),  # the help's own example gets past it
    ],
)
def test_a_batch_that_workers_cannot_share_is_named_with_one_that_they_can(
    workers: str, said: str, folder: Path, higan_cam: Command
) -> None:
    where = ("--data", str(folder), "--output", str(folder / "gan"))
    status, _, told = higan_cam("train", "gan", *where, "--workers", workers)
    assert (status, said in " ".join(told.split())) == (2, True)


def test_an_output_within_the_pictures_is_refused(folder: Path, higan_cam: Command) -> None:
    status, _, said = higan_cam("train", "gan", "--data", str(folder), "--output", str(folder / "gan"))
    assert (status, "lies in --data" in said) == (2, True)


def test_other_settings_on_the_same_output_are_refused_before_workers_start(
    folder: Path, tmp_path: Path, build: Build, higan_cam: Command
) -> None:
    settings = build(pictures=str(folder), output=str(tmp_path / "out"))
    train_and_export_gan(settings, ignore, World(), NOTHING)
    asked = ("--data", str(folder), "--output", str(tmp_path / "out"), "--side", "8", "--kimg", "0.1")
    status, _, said = higan_cam("train", "gan", *asked)
    assert (status, "run with other settings" in said) == (2, True)


def test_a_training_whose_pictures_have_moved_goes_on(folder: Path, build: Build) -> None:
    settings = build("dcgan", pictures=str(folder))
    train_and_export_gan(settings, ignore, World(), NOTHING)
    moved = replace(settings, pictures=str(folder.rename(folder.parent / "elsewhere")))
    again = with_digest(moved, read_pictures(moved))
    assert (load_checkpoint(again) or {})["step"] == settings.steps
