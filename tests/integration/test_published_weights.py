"""A run on weights that somebody else trained and published: a DCGAN of faces, by its name in the zoo.

Everything else in the suite is embedded or random. How light a picture is can be scored on any picture; it is a
property of the whole of it, so the masks have to be large, and are hardly better than the same area elsewhere.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from higan_cam.manipulate import load_boundary
from higan_cam.publish.images import decode_image
from higan_cam.publish.reading import read_shard
from higan_cam.store import committed, open_store, read_run, verify_run
from higan_cam.weights.zoo import known

pytestmark = [pytest.mark.integration, pytest.mark.slow]
SETTINGS = (
    *("generator.weights=dcgan_digiface", "scorer.name=luminance", "attribute=brightness"),
    *("label.count=400", "label.shard_size=100", "boundary.tails=80", "mask.count=24", "mask.shard_size=12"),
    "runtime.workers=1",
)


@pytest.fixture(scope="module")
def told(fetched: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A finished run, and what the command said; in a process and a Ray of its own, whose workers find the weights."""
    output = tmp_path_factory.mktemp("published") / "run"
    program, options = Path(sys.executable).with_name("higan-cam"), [f"--set={each}" for each in SETTINGS]
    environment = os.environ | {"HIGAN_CAM_WEIGHTS": str(fetched("dcgan_digiface").parent)}
    command = [str(program), "run", "--output", str(output), *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return output, done.stdout


@pytest.fixture(scope="module")
def run(told: tuple[Path, str]) -> Path:
    return told[0]


@pytest.fixture(scope="module")
def rows(run: Path) -> list[dict[str, Any]]:
    """Every sample."""
    store = open_store(str(run))
    columns = (
        *("status", "negative", "original", "image", "conditioning_image", "score_negative", "score_positive"),
        *("retention", "retention_random", "coverage", "text", "edit_prompt"),
    )
    records = committed(store, "data", read_run(store)["config_hash"])
    return [row for record in records.values() for row in read_shard(store, record, columns).to_pylist()]


def picture(row: dict[str, Any], name: str) -> Any:
    """A sample's picture, 0 to 255."""
    return decode_image(row[name]["bytes"]).astype(float)


def light(shown: Any) -> Any:
    """(H,W,3) display values -> (H,W) light, which is what the heat map follows."""
    return ((shown / 255) ** 2.2).mean(axis=-1)


def test_every_stage_is_there_and_says_whose_weights_it_used(run: Path) -> None:
    assert verify_run(open_store(str(run))) == []
    assert (run / "report" / "index.html").is_file()
    assert read_run(open_store(str(run)))["weights"]["generator"] == known("dcgan_digiface").sha256


def test_its_latents_have_a_direction_of_brightness(run: Path) -> None:
    metrics = load_boundary(run / "boundary" / "brightness.safetensors").metrics
    assert metrics["spearman_outside_tails"] > 0.4


def test_every_pair_is_of_one_face_darker_and_brighter(rows: list[dict[str, Any]]) -> None:
    assert len(rows) == 24
    for row in rows:
        assert row["score_positive"] > row["score_negative"] + 0.1
        ends, original = [picture(row, "negative"), picture(row, "image")], picture(row, "original")
        assert ends[0].mean() < original.mean() < ends[1].mean()
        assert original.shape == (64, 64, 3)


def test_masks_hold_most_of_the_change_and_much_of_the_picture(rows: list[dict[str, Any]]) -> None:
    found = [row for row in rows if row["status"] == "ok"]
    assert len(found) > 20
    own, elsewhere, coverage = (
        np.array([row[name] for row in found]) for name in ("retention", "retention_random", "coverage")
    )
    assert own.mean() > elsewhere.mean()
    assert np.median(coverage) > 0.5
    for row in found:
        mask = picture(row, "conditioning_image") > 0
        change = light(picture(row, "image")) - light(picture(row, "negative"))
        assert mask.all() or change[mask].mean() > change[~mask].mean()


def test_captions_speak_of_faces_as_the_command_says_before_it_starts(
    told: tuple[Path, str], rows: list[dict[str, Any]]
) -> None:
    assert "dcgan_digiface is known to draw: face" in told[1]
    assert '"a face with very strong brightness in the center"' in told[1]
    for row in rows:
        assert row["text"].startswith("a face ")
        assert "brightness" in row["edit_prompt"]
