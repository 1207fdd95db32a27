"""A picture gives its code whatever camera took it; files that hold no encoder are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from higan_cam.errors import WeightsError
from higan_cam.invert.camera import CAMERA
from higan_cam.invert.encoder import Encoder, load_encoder, reduced
from higan_cam.invert.statistics import CodeStatistics
from higan_cam.weights.files import save_tensors

ROWS, DIM, SIDE = 3, 5, 16


def statistics() -> CodeStatistics:
    """Of a generator whose second coordinate never varies, and whose first row is truncated to half."""
    draw = torch.Generator().manual_seed(0)
    spread = torch.rand((1, DIM), generator=draw) + 0.5
    spread[:, 1] = 0
    return CodeStatistics(torch.randn((ROWS, DIM), generator=draw), torch.tensor([[0.5], [1], [1]]) * spread, 10)


def small(**changes: Any) -> Encoder:
    """An encoder with seeded weights."""
    torch.manual_seed(1)
    usual: dict[str, Any] = {"side": SIDE, "widths": (4, 6), "hidden": 7, "camera_widths": (4,)}
    return Encoder(statistics(), **{**usual, **changes}).eval()


def pictures(count: int, side: int = SIDE) -> torch.Tensor:
    """(count,3,side,side) in [-1,1]."""
    return torch.rand((count, 3, side, side), generator=torch.Generator().manual_seed(2)) * 2 - 1


@pytest.mark.parametrize("deltas", [False, True])
def test_codes_are_rows_of_the_generator_where_nothing_varies_but_what_varied_in_its_own(deltas: bool) -> None:
    encoder = small(deltas=deltas)
    codes, cameras = encoder.predict(pictures(4))
    assert codes.shape == (4, ROWS, DIM)
    assert cameras.shape == (4, len(CAMERA))
    assert torch.equal(codes[..., 1], statistics().mean[:, 1].expand(4, ROWS))
    white = statistics().white(codes)
    torch.testing.assert_close(white[:, 0], white[:, 2])  # deltas start at none
    assert torch.equal(encoder.codes(pictures(4)), codes)


def test_deltas_let_the_rows_differ() -> None:
    encoder = small(deltas=True)
    assert encoder.rows is not None
    torch.nn.init.normal_(encoder.rows.weight)
    white = statistics().white(encoder.codes(pictures(4)))
    assert (white[:, 0] - white[:, 2]).abs().max() > 0.01


def test_the_answer_to_a_picture_depends_on_no_other() -> None:
    encoder, images = small(), pictures(5)
    encoder.train()
    together, alone = encoder.predict(images), encoder.predict(images[2:3])
    for whole, one in zip(together, alone, strict=True):
        torch.testing.assert_close(whole[2:3], one)


def test_pictures_of_any_size_are_seen_at_the_encoders_side() -> None:
    images = pictures(2, 3 * SIDE)
    encoder = small()
    assert reduced(images, SIDE).shape == (2, 3, SIDE, SIDE)
    assert torch.equal(encoder.codes(images), encoder.codes(reduced(images, SIDE)))
    assert torch.equal(reduced(pictures(2), SIDE), pictures(2))


def saved(folder: Path, encoder: Encoder, **changes: Any) -> Path:
    """A file of it, with other settings where asked."""
    metadata = {"settings": json.dumps(encoder.settings | changes)}
    save_tensors(folder / "encoder.safetensors", encoder.state_dict(), metadata)
    return folder / "encoder.safetensors"


@pytest.mark.parametrize("deltas", [False, True])
def test_a_file_gives_the_encoder_back_frozen(deltas: bool, tmp_path: Path) -> None:
    encoder = small(deltas=deltas)
    loaded = load_encoder(saved(tmp_path, encoder))
    assert torch.equal(loaded.codes(pictures(3)), encoder.codes(pictures(3)))
    assert loaded.side == SIDE
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_a_file_without_settings_is_refused(tmp_path: Path) -> None:
    save_tensors(tmp_path / "x.safetensors", {"a": torch.zeros(2)}, {})
    with pytest.raises(WeightsError, match=r"x\.safetensors: no usable 'settings'"):
        load_encoder(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"hidden": 9}, "does not fit its own settings"), ({"colour": 1}, "no usable"), ({"rows": "x"}, "no usable")],
)
def test_settings_that_do_not_fit_are_refused(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = saved(tmp_path, small(), **changes)
    with pytest.raises(WeightsError, match=said):
        load_encoder(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.safetensors"):
        load_encoder(tmp_path / "none.safetensors")
