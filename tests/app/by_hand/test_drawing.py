"""Latents are drawn as their run draws them, and a run that draws none says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from higan_cam.app.by_hand.drawing import KEPT, Drawer, drawer_of
from higan_cam.config import RunConfig, load_config
from higan_cam.errors import DataError, StoreError, WeightsError
from higan_cam.generate import StyleGAN, to_uint8
from higan_cam.pipeline import Models
from higan_cam.pipeline.models import w_plus_of
from higan_cam.publish.images import decode_image
from higan_cam.runtime.preflight import weights_digests
from higan_cam.store import begin_run, open_store
from tests.support.generators import small


def run_of(folder: Path, *overrides: str) -> Path:
    """A run that has its configuration and nothing else."""
    config = load_config(None, ["label.count=400", "boundary.tails=40", "mask.count=4", *overrides], output=str(folder))
    begin_run(open_store(folder), config, weights_digests(config))
    return folder


def test_a_picture_is_that_of_the_latent_in_the_run(drawer: Drawer, models: Models, config: RunConfig) -> None:
    with torch.inference_mode():
        image, _ = models.generator.synthesize(w_plus_of(models, config, [3]))
    np.testing.assert_array_equal(decode_image(drawer.png(3)), to_uint8(image)[0])
    assert drawer.png(3) is drawer.png(3)
    assert drawer.png(4) != drawer.png(3)


@pytest.mark.parametrize("overrides", [(), ("source.kind=pictures", "source.pictures=gone")])
def test_a_run_is_drawn_from_what_it_has_recorded(tmp_path: Path, drawer: Drawer, overrides: tuple[str, ...]) -> None:
    """One on pictures too: what it labels is latents."""
    found = drawer_of(open_store(run_of(tmp_path / "run", *overrides)))
    assert found.latents == 400
    assert found.png(3) == drawer.png(3)  # the same seed and generator
    assert found.of["seed"] == 0
    assert len(found.of["generator"]) == 64


def test_memory_holds_the_last_pictures_alone(models: Models, config: RunConfig) -> None:
    drawer = Drawer(models, config, 400, {})
    drawer._kept.update(dict.fromkeys(range(100, 100 + KEPT), b""))
    drawer.png(1)
    assert len(drawer._kept) == KEPT
    assert drawer.png(101) == b""


def test_a_generator_is_found_by_its_digest_and_its_scorer_is_not_asked(tmp_path: Path) -> None:
    file, elsewhere = tmp_path / "g.pth", tmp_path / "moved.pth"
    torch.save(small(StyleGAN).float().state_dict(), file)
    run = open_store(run_of(tmp_path / "run", f"generator.weights={file}", "scorer.name=luminance"))
    file.rename(elsewhere)
    with pytest.raises(WeightsError, match=r"generator\.weights"):
        drawer_of(run)
    assert decode_image(drawer_of(run, [elsewhere]).png(0)).ndim == 3


def test_a_folder_that_is_no_run_and_a_run_without_a_generator_are_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a run"):
        drawer_of(open_store(tmp_path))
    config = load_config(None, ["source.kind=pictures", f"source.pictures={tmp_path}"], output=str(tmp_path / "run"))
    begin_run(open_store(tmp_path / "run"), config, {"student": "0" * 64})
    with pytest.raises(DataError, match="no generator"):
        drawer_of(open_store(tmp_path / "run"))
