"""Losses of pictures and texts: against StyleCLIP's own figures, and by what they must do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.losses.codes import code_sum
from higan_cam.losses.texts import code_norm, directional, text_distance
from tests.support.reference2 import draw, signed_picture
from tests.support.styleclip import area_resampled


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    if not (shared / "reference2").is_dir():
        pytest.skip("reference data absent: no ../shared/reference2 beside the checkout")
    return shared / "reference2"


@pytest.fixture(scope="module")
def recorded(folder: Path) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = json.loads((folder / "losses.json").read_text())["styleclip"]
    return values


@pytest.fixture(scope="module")
def arrays(folder: Path) -> dict[str, Tensor]:
    with np.load(folder / "losses.npz", allow_pickle=False) as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files if name.startswith("clip_")}


def clip(picture: Tensor) -> Tensor:
    """The stand-in of the reference data."""
    pooled = F.adaptive_avg_pool2d(area_resampled(picture), 14).flatten(1)
    found: Tensor = pooled @ (draw("clip/image", (32, 588)) / 588**0.5).T
    return found


TEXTS = draw("clip/text", (3, 32))


@pytest.mark.parametrize("number", range(4))
def test_the_distance_to_a_text_is_styleclips(number: int, recorded: list[dict[str, Any]]) -> None:
    record = recorded[number]
    edited = signed_picture(record["edited_params"], record["size"])
    embedding = clip(edited)
    assert float(text_distance(embedding, TEXTS[:1])) == pytest.approx(record["clip_loss_pm1_upstream"], rel=1e-5)
    assert text_distance(embedding.expand(3, -1), TEXTS).tolist() == pytest.approx(
        record["clip_loss_three_texts"], rel=1e-5
    )
    notebook = text_distance(clip(((edited + 1) / 2).clamp(0, 1)), TEXTS[:1])
    assert float(notebook) == pytest.approx(record["clip_loss_01_notebook"], rel=1e-5)


@pytest.mark.parametrize("number", range(4))
def test_both_distances_of_codes_go_by_their_name(number: int, recorded: list[dict[str, Any]]) -> None:
    record, start = recorded[number], draw("styleclip/latent0", (1, 6, 16))
    moved = start + 0.2 * draw(f"styleclip/delta{record['size']}", (1, 6, 16))
    assert float(code_norm(moved, start)) == pytest.approx(record["l2_norm_as_the_paper_writes_it"], rel=1e-5)
    assert float(code_sum(moved, start)) == pytest.approx(record["l2_sum_of_squares"], rel=1e-5)


@pytest.mark.parametrize("number", range(4))
def test_what_clip_is_shown_is_what_the_published_code_shows(
    number: int, recorded: list[dict[str, Any]], arrays: dict[str, Tensor]
) -> None:
    record = recorded[number]
    shown = area_resampled(signed_picture(record["original_params"], record["size"]))
    assert shown.shape == (1, 3, 224, 224)
    probe = arrays[f"clip_{record['size']}_pooled_probe"]
    torch.testing.assert_close(shown[..., ::16, ::16].reshape(probe.shape), probe, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("size", [32, 64, 256])
def test_one_resampling_is_enlarging_seven_times_and_pooling(size: int) -> None:
    picture = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(size))
    published = F.avg_pool2d(picture.repeat_interleave(7, 2).repeat_interleave(7, 3), size // 32)
    torch.testing.assert_close(area_resampled(picture), published, rtol=1e-5, atol=1e-6)


def test_the_length_of_no_difference_has_a_gradient_of_nothing() -> None:
    start = torch.ones(2, 3, 4)
    codes = start.clone()
    codes[1] += 0.5
    codes.requires_grad_()
    lengths = code_norm(codes, start)
    (gradient,) = torch.autograd.grad(lengths.sum(), codes)
    assert lengths.tolist() == pytest.approx([0, (12 * 0.25) ** 0.5])
    assert gradient[0].abs().max() == 0
    assert gradient[1].norm().item() == pytest.approx(1)


def test_a_change_along_the_texts_change_is_what_is_asked_for_wherever_the_picture_began() -> None:
    text, neutral = torch.eye(4)[:1], torch.eye(4)[1:2]
    before = F.normalize(torch.tensor([[0.2, 0.7, 0.5, -0.3], [0.1, 0.9, -0.2, 0.4]]), dim=1)
    step = 0.3 * (text - neutral)
    along, against, aside = (directional(before + each, before, text, neutral) for each in (step, -step, 0 * step))
    assert along.max() < 0.1
    assert against.min() > 1.7
    assert aside.tolist() == [1, 1]


def test_from_the_start_a_directional_loss_has_an_ordinary_gradient() -> None:
    before = torch.randn(2, 8, generator=torch.Generator().manual_seed(1))
    seen = before.clone().requires_grad_()
    loss = directional(seen, before, torch.eye(8)[:1], torch.eye(8)[1:2])
    (gradient,) = torch.autograd.grad(loss.sum(), seen)
    assert float(gradient.norm(dim=1).min()) > 0.1
    assert float(gradient.norm(dim=1).max()) < 100
