"""From a finished training run to what it leaves: weights, figures, a grid of pictures, a page that shows both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from torch import Tensor

from higan_cam.files import write_whole
from higan_cam.generate.images import to_uint8
from higan_cam.publish.report.inpainter import parse_inpainter, render_inpainter_page
from higan_cam.store.keys import INPAINTER_KEY, INPAINTER_PICTURE_KEY
from higan_cam.store.store import Store, open_store
from higan_cam.train.files import halved, json_text
from higan_cam.train.inpaint.data import read_pairs
from higan_cam.train.inpaint.evaluate import Scene, evaluate, held_out_scene, mean_light, paint
from higan_cam.train.inpaint.fit import fit_inpainter
from higan_cam.train.inpaint.model import Inpainter, load_inpainter
from higan_cam.train.inpaint.settings import InpaintSettings
from higan_cam.train.settings import Report, World
from higan_cam.types import ByteArray
from higan_cam.weights.files import save_tensors

ROWS = 4
ZOOM = 2
WHITE = 255
WEIGHTS, FIGURES, PICTURE, PAGE = "inpainter.safetensors", "metrics.json", "samples.png", "index.html"
COLUMNS = ("unlit", "mask", "inpainter", "truth", "mask elsewhere", "inpainter", "disc", "inpainter")


def train_and_export_inpainter(settings: InpaintSettings, report: Report, world: World) -> None:
    """Train; then, on rank 0, write the weights, metrics.json, the grid and index.html.

    Raises:
        ConfigError: the checkpoint there is of a run with other settings.
        StoreError, DataError: the dataset cannot be read, or has nothing to learn from or to be tested on.
    """
    if world.rank == 0:  # before the training, not after it
        held_out_scene(read_pairs(open_store(settings.dataset), "test", settings.size), settings.held_out)
    trained = fit_inpainter(settings, report, world)
    if world.rank != 0:
        return
    output = Path(settings.output)
    metadata = {"settings": json.dumps(trained.settings, sort_keys=True)}
    save_tensors(output / WEIGHTS, halved(trained.state_dict()), metadata)
    network = load_inpainter(output / WEIGHTS)  # what is measured is what is left
    scene, figures = measure(settings, network)
    body, picture = json_text(figures), png(grid(network, scene))
    write_whole(output / FIGURES, body)
    write_whole(output / PICTURE, picture)
    write_whole(output / PAGE, render_inpainter_page(parse_inpainter(body.encode(), picture)))


def measure(settings: InpaintSettings, network: Inpainter) -> tuple[Scene, dict[str, Any]]:
    """The test samples, and the contents of metrics.json: what was trained on what, and `rows` of figures."""
    store = open_store(settings.dataset)
    train = read_pairs(store, "train", settings.size)
    test = read_pairs(store, "test", settings.size)
    scene = held_out_scene(test, settings.held_out)
    facts = {
        "train samples": len(train),
        "test samples": len(scene),
        "side in px": settings.size,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "training steps": settings.steps,
        "pictures per step": settings.batch,
        "sampling steps": settings.sampling_steps,
    }
    return scene, {"facts": facts, "columns": COLUMNS, "rows": evaluate(network, scene, mean_light(train))}


def publish_inpainter(output: Path, store: Store) -> None:
    """Put the figures and the grid into a run, for its report to show when it is drawn next."""
    store.put(INPAINTER_KEY, (output / FIGURES).read_bytes())
    store.put(INPAINTER_PICTURE_KEY, (output / PICTURE).read_bytes())


def grid(network: Inpainter, scene: Scene) -> ByteArray:
    """(H,W,3) RGB: the first test samples, one a row, in the columns of `COLUMNS`."""
    count = min(ROWS, len(scene))
    first = Scene(scene.index[:count], scene.unlit[:count], scene.truth[:count], _first(scene.masks, count))
    relit = {kind: to_uint8(paint(network.relight, first, kind)) for kind in ("own", "moved", "disc")}
    masks = {
        kind: (mask[:, 0].numpy()[..., None] * WHITE).astype(np.uint8).repeat(3, 3)
        for kind, mask in first.masks.items()
    }
    columns = [to_uint8(first.unlit), masks["own"], relit["own"], to_uint8(first.truth)]
    columns += [masks["moved"], relit["moved"], masks["disc"], relit["disc"]]
    rows = [np.concatenate([column[row] for column in columns], axis=1) for row in range(count)]
    return np.asarray(np.concatenate(rows).repeat(ZOOM, 0).repeat(ZOOM, 1), dtype=np.uint8)


def png(picture: ByteArray) -> bytes:
    """(H,W,3) RGB -> PNG, as small as it gets: it is made once."""
    encoded: ByteArray = cv2.imencode(
        ".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 9]
    )[1]
    return encoded.tobytes()


def _first(masks: dict[str, Tensor], count: int) -> dict[str, Tensor]:
    return {kind: mask[:count] for kind, mask in masks.items()}
