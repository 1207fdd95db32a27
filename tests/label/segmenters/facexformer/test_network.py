"""FaceXFormer gives the published numbers, out of a file of the published layout."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models.swin_transformer import ShiftedWindowAttention

from higan_cam.errors import WeightsError
from higan_cam.label.segmenters.detection import Faces
from higan_cam.label.segmenters.facexformer.network import SIDE, FaceXFormer, Found, in_pixels
from higan_cam.label.segmenters.facexformer.segmenter import FaceXFormerSegmenter
from higan_cam.label.segmenters.loading import load_segmenter
from higan_cam.label.segmenters.segmenter import NO_FACE
from higan_cam.losses.backbones import IMAGENET_MEAN, IMAGENET_STD
from tests.support.reference2 import checked, draw, picture

LAYOUT = "statedict_facexformer.json"


@pytest.fixture(scope="module")
def weights(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of the published layout, with the weights that the recorded numbers belong to: 92 million of them."""
    index = ShiftedWindowAttention(8, [7, 7], [0, 0], 1).relative_position_index
    tensors = {}
    for key, shape, _, offset, scale, crc32 in json.loads((reference / LAYOUT).read_text())["entries"]:
        if crc32 is None:
            tensors[key] = index
        else:  # the scales are 1 / sqrt(n), written down with 8 digits
            tensors[key] = checked(key, offset + round(1 / scale**2) ** -0.5 * draw(f"facexformer.{key}", shape), crc32)
    path = tmp_path_factory.mktemp("facexformer") / "model.pt"
    torch.save({"state_dict_backbone": tensors}, path)
    return path


@pytest.fixture(scope="module")
def segmenter(weights: Path) -> FaceXFormerSegmenter:
    loaded = load_segmenter(f"{weights}#whole")
    weights.unlink()
    assert isinstance(loaded, FaceXFormerSegmenter)
    return loaded


@pytest.fixture(scope="module")
def unit(recorded: dict[str, Any]) -> Tensor:
    """(2,3,256,256) in [0,1]."""
    drawn = [picture(params, 256) for params in recorded["json"]["picture_params"][:2]]
    return torch.from_numpy(np.stack(drawn).astype(np.float32) / 255)


@pytest.fixture(scope="module")
def found(segmenter: FaceXFormerSegmenter, unit: Tensor, recorded: dict[str, Any]) -> Found:
    """Of the recorded input, in one pass."""
    mean, std = (torch.tensor(each)[:, None, None] for each in (IMAGENET_MEAN, IMAGENET_STD))
    seen = F.interpolate((unit - mean) / std, (SIDE, SIDE), mode="bilinear", align_corners=False)
    np.testing.assert_allclose(seen[:, :, ::16, ::16], recorded["fx_input_probe"], atol=1e-6)
    found: Found = segmenter.network(seen)
    return found


def test_the_published_file_fits_to_the_last_key(reference: Path) -> None:
    with torch.device("meta"):
        own = FaceXFormer().state_dict()
    entries = json.loads((reference / LAYOUT).read_text())["entries"]
    assert {key: list(value.shape) for key, value in own.items()} == {key: shape for key, shape, *_ in entries}
    assert {key: str(value.dtype) for key, value in own.items()} == {each[0]: f"torch.{each[2]}" for each in entries}


@pytest.mark.slow
def test_one_pass_gives_the_published_parts(found: Found, recorded: dict[str, Any]) -> None:
    """The attention is so sharp that in float32 another order of sums moves logits of up to 2 by some thousandths."""
    off = np.abs(found.parts[:, :, ::8, ::8].numpy() - recorded["fx_seg_probe"])
    assert np.quantile(off, 0.99) < 2e-3
    assert off.max() < 2e-2
    assert (found.parts.argmax(1).numpy() != recorded["fx_parsing"]).mean() < 0.005


@pytest.mark.slow
def test_the_same_pass_gives_every_other_task(found: Found, recorded: dict[str, Any]) -> None:
    published = {"pose": "headpose"}
    for name in ("pose", "attributes", "visibility", "age", "gender", "race"):
        np.testing.assert_allclose(getattr(found, name), recorded[f"fx_{published.get(name, name)}"], atol=2e-3)
    landmarks = in_pixels(torch.from_numpy(recorded["fx_landmarks"]).reshape(2, 68, 2))
    np.testing.assert_allclose(found.landmarks, landmarks, atol=2e-3 * SIDE / 2)


def test_landmarks_become_pixels_as_published(recorded: dict[str, Any]) -> None:
    found = in_pixels(draw("landmarks", (1, 68, 2)).tanh())
    np.testing.assert_allclose(found, recorded["landmarks_denormalised"], atol=1e-3)


@pytest.mark.slow
def test_a_picture_becomes_a_map_a_crop_and_a_pose(segmenter: FaceXFormerSegmenter, unit: Tensor) -> None:
    found = segmenter.segment(2 * unit[:1] - 1)
    assert found.labels.shape == (1, SIDE, SIDE)
    assert found.crop.shape == (1, 3, SIDE, SIDE)
    assert found.boxes.tolist() == [[0, 0, 256, 256]]
    assert found.pose is not None
    assert found.pose.shape == (1, 3)
    torch.testing.assert_close(found.shares.argmax(1).to(torch.uint8), found.labels)


@pytest.mark.slow
def test_a_picture_without_a_face_is_background_and_the_network_is_not_asked(
    segmenter: FaceXFormerSegmenter, unit: Tensor
) -> None:
    found = replace(segmenter, detector=Nobody()).segment(2 * unit - 1)
    assert found.problems == (NO_FACE, NO_FACE)
    assert not found.labels.any()
    assert found.pose is not None
    assert bool(found.pose.isnan().all())
    torch.testing.assert_close(found.shares[:, 0], torch.ones(2, SIDE, SIDE))


class Nobody:
    """Finds nobody."""

    def faces(self, image: Tensor) -> tuple[Faces, ...]:
        nothing = Faces(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, 5, 2))
        return (nothing,) * len(image)


def test_another_network_is_refused_with_its_keys(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match="does not fit FaceXFormer"):
        load_segmenter(f"{tmp_path / 'other.pt'}#whole")
