"""The command: what it refuses before any worker starts, and two workers through real Ray Train."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import typer

from higan_cam.invert.encoder import load_encoder
from higan_cam.train.encoder.fit import fit_encoder
from higan_cam.train.encoder.settings import EncoderSettings
from higan_cam.train.settings import Progress
from higan_cam.weights.files import sha256_of
from jobs.train_encoder import main


def ignore(_: Progress) -> None:
    """Nobody watches."""


def test_a_generator_that_nobody_knows_is_refused_before_workers_start(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match=r"none\.safetensors"):
        main(tmp_path / "out", weights=str(tmp_path / "none.safetensors"))
    assert not (tmp_path / "out").exists()


def test_a_boundary_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match=r"none\.safetensors"):
        main(tmp_path / "out", boundary=tmp_path / "none.safetensors")


def test_sides_that_cannot_be_halved_are_refused(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match="side: 50 px cannot be halved"):
        main(tmp_path / "out", side=50)


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize("weights", ["stylegan2"], indirect=True)
def test_two_workers_train_the_encoder_that_one_does(weights: Path, tmp_path: Path, local_ray: None) -> None:
    main(tmp_path / "two", weights=str(weights), workers=2, steps=3, samples=300, side=16)
    settings = EncoderSettings(
        output=str(tmp_path / "one"),
        generator=str(weights),
        generator_sha256=sha256_of(weights),
        steps=3,
        samples=300,
        side=16,
    )
    alone = fit_encoder(settings, ignore).state_dict()
    together = torch.load(tmp_path / "two/checkpoint.pt", weights_only=True)["averaged"]
    for name, tensor in alone.items():
        torch.testing.assert_close(together[name], tensor, atol=1e-4, rtol=0)
    drawn = [(tmp_path / run / "samples/00001.safetensors").read_bytes() for run in ("one", "two")]
    assert drawn[0] == drawn[1]
    assert load_encoder(tmp_path / "two/encoder.safetensors").side == 16
    assert set(json.loads((tmp_path / "two/metrics.json").read_text())["grades"]) == {"G0", "G0 moved"}
