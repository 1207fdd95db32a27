"""What training leaves: an encoder that loads, figures that say what they claim, pictures."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest
import torch
from torch import Tensor

from higan_cam.generate import load_generator
from higan_cam.invert.camera import AT_REST
from higan_cam.invert.encoder import Encoder, load_encoder
from higan_cam.train.encoder.evaluate import Shown, columns_of, held_out
from higan_cam.train.encoder.export import save_encoder, train_and_export_encoder
from higan_cam.train.encoder.fit import source_of
from higan_cam.train.encoder.samples import Source
from higan_cam.train.encoder.settings import EncoderSettings
from higan_cam.train.settings import Progress, World
from tests.train.encoder.conftest import Build


def ignore(_: Progress) -> None:
    """Nobody watches."""


def test_what_comes_out_is_an_encoder_of_that_generator_with_figures_and_pictures(build: Build, weights: Path) -> None:
    settings = build(steps=2)
    train_and_export_encoder(settings, ignore, World())
    output, generator = Path(settings.output), load_generator(weights)
    codes = load_encoder(output / "encoder.safetensors").codes(torch.zeros((2, 3, 32, 32)))
    assert generator.synthesize(codes)[0].shape == (2, 3, 32, 32)
    metrics = json.loads((output / "metrics.json").read_text())
    assert metrics["held_out"] == 4
    assert set(metrics["grades"]) == {"G0", "G0 moved"}
    assert {"psnr_db", "code_error", "shift_px", "gamma"} <= set(metrics["grades"]["G0 moved"])
    grid = cv2.imread(str(output / "samples.png"))
    assert grid is not None
    assert grid.shape == (4 * 32, 4 * 32, 3)


def test_other_workers_leave_nothing(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.distributed.barrier", lambda: None)
    monkeypatch.setattr("torch.distributed.all_reduce", lambda _: None)
    settings = build(steps=1, samples=0)
    train_and_export_encoder(settings, ignore, World(1, 2))
    assert not Path(settings.output).exists()


def test_where_the_codes_lie_is_kept_exactly_and_the_rest_in_16_bits(source: Source, tmp_path: Path) -> None:
    encoder = Encoder(source.statistics, side=16, widths=(8,), hidden=8, camera_widths=(4,))
    save_encoder(encoder, tmp_path / "encoder.safetensors")
    loaded = load_encoder(tmp_path / "encoder.safetensors")
    assert torch.equal(loaded.mean, encoder.mean)
    assert torch.equal(loaded.spread, encoder.spread)
    torch.testing.assert_close(loaded.reader[0].weight, encoder.reader[0].weight, atol=1e-3, rtol=1e-3)
    parameters = sum(parameter.numel() for parameter in encoder.parameters())
    exact = encoder.mean.numel() + encoder.spread.numel()
    assert (tmp_path / "encoder.safetensors").stat().st_size < 2 * parameters + 4 * exact + 2048


class Oracle(Encoder):
    """Says what it was told."""

    white: Tensor
    cameras: Tensor

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        return self.white[: len(picture), None], self.cameras[: len(picture)]


def test_figures_of_known_errors(build: Build, source: Source) -> None:
    shown = held_out(build(), source)["G0 moved"]
    assert shown.white is not None
    assert shown.cameras is not None
    oracle = Oracle(source.statistics, side=16, widths=(8,), hidden=8, camera_widths=(4,))
    oracle.white, oracle.cameras = shown.white, shown.cameras
    perfect = columns_of(source, oracle, shown)
    assert perfect["psnr_db"].min() > 50  # 8 bits
    assert perfect["code_error"].max() == 0
    assert perfect["shift_px"].max() == 0
    oracle.white = shown.white + 0.5
    oracle.cameras = shown.cameras + torch.tensor([3 / 32, 4 / 32, *([0.1] * 6)])
    off = columns_of(source, oracle, shown)
    torch.testing.assert_close(off["code_error"], torch.full((4,), 0.5), atol=1e-5, rtol=0)
    torch.testing.assert_close(off["shift_px"], torch.full((4,), 5.0), atol=1e-3, rtol=0)
    torch.testing.assert_close(off["gamma"], torch.full((4,), 0.1), atol=1e-5, rtol=0)
    assert off["psnr_db"].max() < perfect["psnr_db"].min()


def test_untouched_samples_are_their_own_plain_pictures(build: Build, source: Source) -> None:
    shown = held_out(build(), source)
    assert torch.equal(shown["G0"].pictures, shown["G0"].plain)
    assert not torch.equal(shown["G0 moved"].pictures, shown["G0 moved"].plain)
    assert shown["G0"].cameras is not None
    torch.testing.assert_close(shown["G0"].cameras, torch.tensor([AT_REST] * 4))


def test_the_embedded_generator_is_asked_about_photos_of_rooms_too(tmp_path: Path) -> None:
    settings = EncoderSettings(output=str(tmp_path), held_out=2)
    shown = held_out(settings, source_of(settings))
    assert list(shown) == ["G0", "G0 moved", "G1", "G2"]
    assert torch.equal(shown["G1"].plain, shown["G2"].plain)
    assert isinstance(shown["G2"], Shown)
    assert shown["G2"].white is None
    assert not torch.equal(shown["G2"].pictures, shown["G1"].pictures)
