"""The detector of leaks names what shows, keeps quiet on what does not, and says where it cannot tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from higan_cam.errors import ConfigError
from higan_cam.generate import to_uint8
from higan_cam.measure.generation.verdicts import CLEAN, NOT_MEASURED, TOO_POOR
from higan_cam.store.canonical import digest
from higan_cam.train.gan import leaks
from higan_cam.train.gan.leaked import LEAST_SAMPLES, Sight, leaked, sight_of
from higan_cam.train.gan.leaks import LeakSettings, fit_detector, planted_batch
from higan_cam.train.gan.monitors import Judged, MonitorSettings, judged_by, verdicts
from higan_cam.train.gan.planted import PLANTED, plant, ruin
from higan_cam.train.reader import Reader, looked_at
from higan_cam.train.settings import Progress
from higan_cam.types import ByteArray

STEPS = 160


def ignore(_: Progress) -> None:
    """Nobody watches."""


def scenes(count: int, seed: int, side: int = 16) -> ByteArray:
    """A bright sky on top, a dark floor, and on the left a red wall: no two mirror images are alike."""
    draw = np.random.default_rng(seed)
    canvas = np.full((count, side, side, 3), 150.0)
    canvas[:, : side // 4] += 70
    canvas[:, -side // 4 :] -= 70
    canvas[:, :, : side // 4, 1:] *= 0.5
    blobs = np.stack([cv2.resize(draw.normal(0, 25, (3, 3, 3)), (side, side)) for _ in range(count)])
    found: ByteArray = np.clip(canvas + blobs, 0, 255).astype(np.uint8)
    return found


def augmented(pictures: ByteArray, name: str, share: float) -> ByteArray:
    which = torch.zeros(len(pictures), len(PLANTED), dtype=torch.bool)
    which[: round(share * len(pictures)), PLANTED.index(name)] = True
    return to_uint8(plant(looked_at(pictures), which, np.random.Generator(np.random.Philox(9))))


def settings_in(folder: Path, pictures: ByteArray, steps: int = STEPS) -> LeakSettings:
    return LeakSettings(output=str(folder), pictures_sha256=digest(pictures.tobytes()), steps=steps, learning_rate=4e-3)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Reader, Sight]:
    pictures = scenes(300, 1)
    reader = fit_detector(settings_in(tmp_path_factory.mktemp("leaks"), pictures), pictures, ignore)
    return reader, sight_of(reader, scenes(100, 2), 0)


@pytest.mark.parametrize("name", ["flip", "shift"])
def test_what_shows_is_named_with_its_share(name: str, trained: tuple[Reader, Sight]) -> None:
    found = leaked(*trained, augmented(scenes(300, 3), name, 0.5))
    assert found.value == "leak"
    assert found.evidence["names"] == [name]
    assert found.figure == pytest.approx(0.5, abs=0.2)


def test_untouched_pictures_are_clean(trained: tuple[Reader, Sight]) -> None:
    found = leaked(*trained, scenes(300, 4))
    assert (found.value, found.evidence["names"]) == (CLEAN, [])


def test_a_mirrored_run_has_no_flips_to_tell(trained: tuple[Reader, Sight]) -> None:
    found = leaked(*trained, augmented(scenes(300, 3), "flip", 0.5), mirror=True)
    assert found.value == CLEAN
    assert "flip" in found.evidence["cannot_be_told"]


def test_where_nothing_can_be_told_nobody_is_accused(trained: tuple[Reader, Sight]) -> None:
    blind = replace(trained[1], area=np.full(len(PLANTED), 0.6))
    found = leaked(trained[0], blind, augmented(scenes(300, 3), "flip", 0.5))
    assert found.value == NOT_MEASURED
    assert found.evidence["cannot_be_told"] == list(PLANTED)


def test_of_samples_of_which_nothing_is_left_nothing_is_said(trained: tuple[Reader, Sight]) -> None:
    found = leaked(*trained, to_uint8(ruin(looked_at(scenes(300, 4)), np.random.Generator(np.random.Philox(3)))))
    assert (found.value, found.fault, found.evidence["names"]) == (TOO_POOR, False, [])


def test_a_handful_of_samples_is_not_enough(trained: tuple[Reader, Sight]) -> None:
    assert leaked(*trained, scenes(LEAST_SAMPLES - 1, 4)).value == NOT_MEASURED


def test_of_pictures_as_likely_mirrored_a_flip_cannot_be_told(trained: tuple[Reader, Sight]) -> None:
    pictures = scenes(100, 2)
    pictures[::2] = pictures[::2, :, ::-1]
    sight = sight_of(trained[0], pictures, 0)
    assert sight.area[PLANTED.index("flip")] == pytest.approx(0.5, abs=0.1)
    found = leaked(trained[0], sight, pictures)
    assert "flip" in found.evidence["cannot_be_told"]
    assert "flip" not in found.evidence["names"]


def test_a_stopped_training_goes_on_to_the_same_detector(tmp_path: Path) -> None:
    pictures = scenes(40, 1)
    settings = replace(settings_in(tmp_path / "whole", pictures, 4), checkpoint_every=2)
    whole = fit_detector(settings, pictures, ignore)
    stopped = replace(settings, output=str(tmp_path / "stopped"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leaks, "planted_batch", _ends_after(3))
        with pytest.raises(KeyboardInterrupt):
            fit_detector(stopped, pictures, ignore)
    again = fit_detector(stopped, pictures, ignore)
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def _ends_after(calls: int) -> Callable[..., tuple[torch.Tensor, ...]]:
    left = iter(range(calls))

    def batch(*said: Any, **more: Any) -> tuple[torch.Tensor, ...]:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return planted_batch(*said, **more)

    return batch


def test_a_detector_of_other_pictures_is_not_gone_on_with(tmp_path: Path) -> None:
    fit_detector(settings_in(tmp_path, scenes(40, 1), 1), scenes(40, 1), ignore)
    with pytest.raises(ConfigError, match="pictures_sha256"):
        fit_detector(settings_in(tmp_path, scenes(40, 2), 1), scenes(40, 2), ignore)


def test_larger_pictures_are_looked_at_small() -> None:
    assert looked_at(scenes(2, 1, 64)).shape == (2, 3, 32, 32)


class Brightness(torch.nn.Module):
    """A discriminator that likes light pictures."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=(1, 2, 3))


def test_all_verdicts_come_in_one_call_and_order(tmp_path: Path) -> None:
    pictures, held_out, samples = scenes(220, 1), scenes(40, 2), scenes(60, 3) // 2
    judged = judged_by(Brightness(), pictures, held_out, samples)
    settings = MonitorSettings(output=str(tmp_path), leak_steps=2)
    found = verdicts(pictures, held_out, samples, settings, ignore, judged, {"weights": np.ones(3)})
    names = ["numbers", "discriminator", "overfit", "collapse", "copies", "leak"]
    assert [one.name for one in found] == names
    assert [one.value for one in found][:3] == [CLEAN, "has won", CLEAN]
    assert (tmp_path / "monitors").is_dir()


def test_without_held_out_pictures_or_answers_the_reasons_are_given(tmp_path: Path) -> None:
    pictures = scenes(220, 1)
    settings = MonitorSettings(output=str(tmp_path))
    found = verdicts(pictures, pictures[:0], scenes(60, 3), settings, ignore)
    missing = {one.name: one.words for one in found if one.value == NOT_MEASURED}
    assert set(missing) == {"numbers", "discriminator", "overfit", "copies", "leak"}
    assert all(missing.values())
    assert len(Judged().own) == 0
