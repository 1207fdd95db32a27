"""The inpainter's command through real Ray Train, from a dataset to the run's report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from higan_cam.config import parse_config
from higan_cam.runtime.stages.report import write_report
from higan_cam.store.store import Store, open_store
from higan_cam.train.inpaint.data import fingerprint
from higan_cam.train.inpaint.export import train_and_export_inpainter
from higan_cam.train.inpaint.model import load_inpainter
from higan_cam.train.inpaint.settings import InpaintSettings
from higan_cam.train.settings import Progress, World
from jobs.train_inpainter import main
from tests.train.inpaint.planted import SHARD_SIZE, SHARDS, SIDE, write_planted

pytest.importorskip("diffusers", reason="diffusers is a development extra")
pytestmark = [pytest.mark.integration, pytest.mark.slow]
STEPS, CHANNELS = 60, (8, 8)
LEFT = ("inpainter.safetensors", "metrics.json", "samples.png", "index.html")


def stop(progress: Progress) -> None:
    """At the first line of progress, some steps after a checkpoint."""
    raise KeyboardInterrupt


@pytest.fixture
def dataset(tmp_path: Path) -> Store:
    store = open_store(tmp_path / "run")
    write_planted(store)
    return store


@pytest.fixture
def settings(dataset: Store, tmp_path: Path) -> InpaintSettings:
    return InpaintSettings(
        output=str(tmp_path / "whole"),
        dataset=dataset.uri,
        shards=fingerprint(dataset),
        size=SIDE,
        channels=CHANNELS,
        steps=STEPS,
        checkpoint_every=20,
    )


def test_the_command_goes_on_from_a_stop_to_the_same_result_which_the_runs_report_shows(
    dataset: Store, settings: InpaintSettings, tmp_path: Path, local_ray: None
) -> None:
    whole, cut = Path(settings.output), tmp_path / "cut"
    train_and_export_inpainter(settings, lambda _: None, World())
    with pytest.raises(KeyboardInterrupt):
        train_and_export_inpainter(replace(settings, output=str(cut)), stop, World())
    assert (cut / "checkpoint.pt").exists()
    assert not (cut / "metrics.json").exists()
    assert not dataset.exists("report/inpainter.json"), "the dataset is left alone unless asked"

    channels = ",".join(str(width) for width in CHANNELS)
    main(dataset.uri, cut, workers=1, steps=STEPS, size=SIDE, channels=channels, seed=settings.seed, publish=True)
    assert [name for name in LEFT if (cut / name).read_bytes() != (whole / name).read_bytes()] == []
    assert load_inpainter(cut / LEFT[0]).size == SIDE

    config = parse_config({"output": dataset.uri, "mask": {"count": SHARDS * SHARD_SIZE, "shard_size": SHARD_SIZE}})
    write_report(config, dataset, (0.0, 3.0), None, None, {})
    page = dataset.get("report/index.html").decode()
    assert 'id="inpainter"' in page
    assert "Put light here" in page
