"""The whole run on drawn faces, by name alone: its masks are about mouths, and its words about faces."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from higan_cam.config import RunConfig, load_config
from higan_cam.faces import changed
from higan_cam.faces.scene import Z_DIM
from higan_cam.generate import sample_latents
from higan_cam.publish.exports import export_run
from higan_cam.publish.images import decode_image
from higan_cam.runtime.several import run_all
from higan_cam.store import open_store, verify_run
from higan_cam.store.status import read_status

pytestmark = pytest.mark.integration
OF_ROOMS = re.compile(r"\b(lamps?|lights?|lit|unlit|rooms?|bedrooms?)\b", re.IGNORECASE)
UNREAD = re.compile(r"<style>.*?</style>|<script.*?</script>|<[^>]*>", re.DOTALL)


def mouths(output: Path) -> RunConfig:
    """As data/configs/faces.yaml has them: the attribute completes the scorer that the file half names."""
    named = ("generator.weights=faces", "scorer.name=property", "attributes.mouth.scorer.target=mouth")
    tiny = ("label.count=160", "label.shard_size=80", "boundary.tails=40", "mask.count=8", "mask.shard_size=8")
    return load_config(None, [f"output={output}", *named, *tiny, "runtime.workers=1"])


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, local_ray: None) -> Path:
    output = tmp_path_factory.mktemp("faces") / "run"
    assert run_all(mouths(output)).problems == []
    return output / "mouth"


@pytest.fixture(scope="module")
def rows(run: Path) -> list[dict[str, Any]]:
    (shard,) = sorted((run / "data").glob("*.parquet"))
    return list(pq.read_table(shard).to_pylist())


def test_a_run_on_faces_is_complete_and_verified(run: Path) -> None:
    store = open_store(str(run))
    assert read_status(store).complete
    assert verify_run(store) == []


def test_heat_is_where_mouths_are(rows: list[dict[str, Any]]) -> None:
    """On average over the samples, more than three times what it would be if it were anywhere."""
    mouths = changed(sample_latents([row["index"] for row in rows], 0, Z_DIM), "mouth", 64).numpy()
    heat = np.stack([decode_image(row["heat"]["bytes"]) for row in rows]).astype(np.float64)
    shown = heat.reshape(len(heat), 64, heat.shape[1] // 64, 64, -1).mean(axis=(2, 4))
    share = (shown * mouths).sum(axis=(1, 2)) / shown.sum(axis=(1, 2))
    assert share.mean() > 3 * mouths.mean()


def test_words_are_about_faces_and_mouths(run: Path, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert "face" in row["prompt"]
        assert re.search(r"(closed|open) mouth", row["text"])
        assert re.match(r"(open|close) the mouth", row["edit_prompt"])
        assert not OF_ROOMS.search(" ".join([row["text"], row["edit_prompt"], row["undo_prompt"], *row["captions"]]))
    for page in ("report/index.html", "README.md"):
        shown = re.sub(
            r"<style>.*?</style>|<script.*?</script>|<[^>]*>", " ", (run / page).read_text(), flags=re.DOTALL
        )
        assert not OF_ROOMS.search(shown), page


def test_masks_of_faces_go_to_a_detection_library(run: Path, tmp_path: Path) -> None:
    export_run(open_store(str(run)), open_store(str(tmp_path / "coco")), "coco")
    found = json.loads((tmp_path / "coco/annotations/instances_train.json").read_text())
    assert [each["name"] for each in found["categories"]] == ["mouth"]
    assert found["annotations"]
