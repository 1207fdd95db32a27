"""The house's own segmenter: stored, loaded, of any side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from higan_cam.errors import WeightsError
from higan_cam.label.segmenters import load_segmenter
from higan_cam.label.segmenters.u_net import PartsNetwork, load_u_net, save_u_net
from higan_cam.weights.files import save_tensors
from higan_cam.worlds.face_parts import PARTS


@pytest.fixture(scope="module")
def network() -> PartsNetwork:
    torch.manual_seed(0)
    return PartsNetwork((4, 6), len(PARTS)).eval()


def test_a_stored_segmenter_comes_back(network: PartsNetwork, tmp_path: Path) -> None:
    save_u_net(tmp_path / "own.safetensors", network, 32)
    image = 2 * torch.rand((2, 3, 32, 32), generator=torch.Generator().manual_seed(0)) - 1
    found = load_segmenter(str(tmp_path / "own.safetensors")).segment(image)
    expected = network(image).softmax(1)
    torch.testing.assert_close(found.shares, expected.detach(), atol=2e-2, rtol=0)
    assert found.labels.dtype == torch.uint8
    assert found.pose is None


def test_pictures_of_any_side_and_number_get_maps_of_the_segmenters_side(network: PartsNetwork, tmp_path: Path) -> None:
    save_u_net(tmp_path / "own.safetensors", network, 32)
    segmenter = load_u_net(tmp_path / "own.safetensors")
    for shape in ((0, 3, 20, 20), (1, 3, 17, 40), (18, 1, 64, 64)):
        found = segmenter.segment(torch.zeros(shape))
        assert found.shares.shape == (shape[0], len(PARTS), 32, 32)
        assert found.crop.shape == (shape[0], 3, 32, 32)
        assert found.boxes.shape == (shape[0], 4)


def test_another_label_map_may_be_named(network: PartsNetwork, tmp_path: Path) -> None:
    save_u_net(tmp_path / "own.safetensors", network, 32)
    image = torch.rand((1, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    plain, mirrored = (
        load_segmenter(f"{tmp_path / 'own.safetensors'}{name}").segment(image) for name in ("", "#face_parts_mirrored")
    )
    torch.testing.assert_close(plain.shares[:, 4], mirrored.shares[:, 5])
    torch.testing.assert_close(plain.shares[:, 2], mirrored.shares[:, 3])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"side": 32, "label_map": "lapa"}, "'channels'"),
        ({"side": 30, "channels": [4, 6], "label_map": "lapa"}, "divide by 4"),
        ({"side": 32, "channels": [4, 6], "label_map": "lapa", "colour": 1}, "colour"),
    ],
)
def test_a_file_without_usable_settings_is_told(
    settings: dict[str, object], said: str, network: PartsNetwork, tmp_path: Path
) -> None:
    save_tensors(tmp_path / "own.safetensors", network.state_dict(), {"settings": json.dumps(settings)})
    with pytest.raises(WeightsError, match=said):
        load_segmenter(str(tmp_path / "own.safetensors"))
