"""`higan-cam upscale` on a real Ray: pictures larger, what cannot be read, restarts, a status."""

from __future__ import annotations

from pathlib import Path

import cv2
import datasets
import numpy as np
import pytest
import torch

from higan_cam.publish.images import decode_image
from higan_cam.redraw.network import UpscalerNetwork
from higan_cam.redraw.upscaler import load_upscaler, save_upscaler, upscale
from higan_cam.store import open_store, verify_run
from higan_cam.store.status import read_status
from tests.relight.translator.conftest import picture
from tests.support.commands import Command
from tests.support.small_runs import digests

pytestmark = pytest.mark.integration


def test_pictures_are_larger_once_and_the_same_command_goes_on_to_the_same_bytes(
    tmp_path: Path, local_ray: None, higan_cam: Command
) -> None:
    photos, output, model = tmp_path / "photos", tmp_path / "large", tmp_path / "upscaler.safetensors"
    photos.mkdir()
    for index, size in enumerate(((40, 24), (17, 33))):
        cv2.imwrite(str(photos / f"{index}.png"), picture(*size))
    (photos / "cut off.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF")
    torch.manual_seed(0)
    network = UpscalerNetwork(2, 8, 1)
    torch.nn.init.normal_(network.last.weight, std=0.05)
    save_upscaler(model, network, "area")
    command = ["upscale", str(photos), str(output), "--model", str(model)]
    command += ["--set", "upscale.shard_size=2", "--set", "runtime.workers=1", "--set", "upscale.tile=16"]
    status, _, problem = higan_cam(*command)
    assert status == 0, problem
    loaded = datasets.load_dataset(str(output), cache_dir=str(tmp_path / "cache"))["train"]
    assert [row["status"] for row in loaded] == ["ok", "ok", "unreadable"]
    for index in range(2):
        small = decode_image((photos / f"{index}.png").read_bytes())
        expected = upscale(load_upscaler(model), small, tile=16)
        np.testing.assert_array_equal(np.asarray(loaded[index]["image"]), expected)
    page = (output / "report/index.html").read_text()
    assert "2 pictures, larger" in page
    assert "cut off.jpg" in page
    left = read_status(open_store(str(output)))
    assert [(stage.name, stage.done) for stage in left.stages] == [("upscale", 3)]
    assert verify_run(open_store(str(output))) == []
    made = digests(output)
    (output / "upscaled/part-00001.parquet").unlink()
    status, _, problem = higan_cam(*command)
    assert status == 0, problem
    assert digests(output) == made
