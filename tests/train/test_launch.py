"""The trainer's command, through real Ray Train."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from higan_cam.generate.loading import generator_from_file
from jobs.train_generator import main


@pytest.mark.slow
@pytest.mark.integration
def test_two_workers_train_and_export_a_generator_that_loads(tmp_path: Path, local_ray: None) -> None:
    """In a process that has Ray already, as when a test before this one started it."""
    main(tmp_path, workers=2, channels="4,4,4,4", steps="3,3", rates="0.02,0.02", seed=0)
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert (saved["stage"], saved["step"]) == (1, 3)
    generator = generator_from_file(tmp_path / "generator.safetensors")
    assert generator.resolution == 32
    assert torch.isfinite(generator.synthesize(generator.truncate(generator.map(torch.randn(2, 128))))[0]).all()
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert set(metrics) == {"psnr_db", "psnr_fixtures_db", "ghost_opacity", "ghost_opacity_abs"}
    assert (tmp_path / "samples.png").stat().st_size > 0
