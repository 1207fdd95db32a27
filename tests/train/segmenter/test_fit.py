"""Training a segmenter: it learns, goes on from its checkpoint, and leaves a file that others load."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.errors import ConfigError
from higan_cam.label.segmenters import label_map, load_segmenter
from higan_cam.train.segmenter.export import train_and_export_segmenter
from higan_cam.train.segmenter.fit import fit_segmenter, part_weights, parts_loss
from higan_cam.train.segmenter.pictures import Renders, read_labelled, spoilt
from higan_cam.train.segmenter.settings import SegmenterSettings
from higan_cam.train.settings import Progress, World


def nobody(_: Progress) -> None:
    """Nothing to say."""


@pytest.fixture
def settings(tmp_path: Path) -> SegmenterSettings:
    return SegmenterSettings(
        output=str(tmp_path / "out"), side=32, channels=(4, 6), steps=4, batch=4, checkpoint_every=2, held_out=4
    )


def test_training_goes_on_from_its_checkpoint_to_the_same_weights(settings: SegmenterSettings, tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    class Stopping(Renders):
        def draw(self, places: range) -> tuple[Tensor, Tensor]:
            if places.start >= 3 * 4:
                raise StoppedError
            return super().draw(places)

    whole = fit_segmenter(replace(settings, output=str(tmp_path / "whole")), nobody)
    with pytest.raises(StoppedError):
        fit_segmenter(settings, nobody, lessons=Stopping(32, 0))
    again = fit_segmenter(settings, nobody)
    for one, other in zip(whole.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_what_is_left_is_loaded_and_measured(settings: SegmenterSettings) -> None:
    train_and_export_segmenter(settings, nobody, World())
    output = Path(settings.output)
    segmenter = load_segmenter(str(output / "segmenter.safetensors"))
    assert segmenter.segment(torch.zeros(1, 3, 64, 64)).labels.shape == (1, 32, 32)
    agreement = json.loads((output / "metrics.json").read_text())["agreement"]
    assert {"skin", "hair", "mean"} <= agreement.keys()
    assert "| hair |" in (output / "segmenter.md").read_text()


def test_a_right_map_costs_nothing_and_a_wrong_part_costs_more_the_smaller_it_is() -> None:
    labels = torch.zeros(1, 8, 8, dtype=torch.long)
    labels[0, 4:] = 1
    labels[0, 0, 0] = 4
    right = 60.0 * torch.nn.functional.one_hot(labels, 11).permute(0, 3, 1, 2)
    even = torch.ones(11)
    assert float(parts_loss(right, labels, 0.5, even)) < 1e-6
    without = right.clone()
    without[0, :, 0, 0] = right[0, :, 0, 1]
    half = right.clone()
    half[0, :, 4, 0] = right[0, :, 0, 1]
    assert float(parts_loss(without, labels, 0.5, even)) > float(parts_loss(half, labels, 0.5, even))


def test_rare_parts_weigh_more_and_pixels_one_on_average() -> None:
    labels = torch.zeros(1, 10, 10, dtype=torch.uint8)
    labels[0, 0, 0] = 5
    weights = part_weights(labels, 0.5)
    assert float(weights[5] / weights[0]) == pytest.approx(99**0.5)
    assert float(0.99 * weights[0] + 0.01 * weights[5]) == pytest.approx(1)
    torch.testing.assert_close(part_weights(labels, 0.0)[0], torch.tensor(1.0))


def test_nuisances_change_the_picture_and_not_its_range() -> None:
    images, _ = Renders(64, 0).draw(range(4))
    shown = spoilt(images, 0.3, torch.Generator().manual_seed(0))
    assert float(shown.abs().max()) <= 1
    assert 0.005 < float((shown - images).abs().mean()) < 0.2


def labelled(folder: Path, classes: int = 2) -> Path:
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for number in range(3):
        mask = np.zeros((40, 40), np.uint8)
        mask[:, 20:] = classes
        cv2.imwrite(str(folder / "images" / f"{number}.png"), np.repeat(100 * mask[:, :, None], 3, axis=2))
        cv2.imwrite(str(folder / "masks" / f"{number}.png"), mask)
    return folder


def test_a_users_label_maps_are_read_by_their_own_classes(tmp_path: Path) -> None:
    read = read_labelled(labelled(tmp_path / "data"), 32, label_map("0,1,10"))
    images, labels = read.draw(range(2))
    assert images.shape == (2, 3, 32, 32)
    assert labels[:, :, :16].unique().tolist() == [0]
    assert labels[:, :, 16:].unique().tolist() == [10]
    assert len(read.held_out(9)[0]) == 1


def test_classes_that_the_label_map_lacks_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has the class 2; the label map '0,1' ends at 1"):
        read_labelled(labelled(tmp_path / "data"), 32, label_map("0,1"))


def test_a_label_map_of_another_shape_than_its_picture_is_told(tmp_path: Path) -> None:
    folder = labelled(tmp_path / "data")
    cv2.imwrite(str(folder / "masks" / "1.png"), np.zeros((40, 60), np.uint8))
    with pytest.raises(ConfigError, match=r"1\.png: 60 x 40 px does not have the shape of 1\.png, 40 x 40 px"):
        read_labelled(folder, 32, label_map("0,1,10"))


def test_a_side_that_does_not_divide_is_refused(settings: SegmenterSettings) -> None:
    with pytest.raises(ConfigError, match="side: must divide by 32"):
        replace(settings, side=40)
