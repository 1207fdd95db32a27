"""From a finished training run to what it leaves: weights, ONNX where that is installed, figures, a card."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from higan_cam.files import write_whole
from higan_cam.mask.student.to_onnx import onnx_problem
from higan_cam.measure.redrawn.upscaled import measure_upscaler
from higan_cam.redraw.to_onnx import onnx_bytes
from higan_cam.redraw.upscaler import load_upscaler, save_upscaler
from higan_cam.train.files import check_converged, halved, json_text
from higan_cam.train.settings import Report, World
from higan_cam.train.upscaler.fit import fit_upscaler
from higan_cam.train.upscaler.pictures import held_out_of, large_of, read_pictures, with_digest
from higan_cam.train.upscaler.settings import ROOMS, UpscalerSettings

log = logging.getLogger(__name__)
WEIGHTS, ONNX, FIGURES, CARD = "upscaler.safetensors", "upscaler.onnx", "metrics.json", "upscaler.md"


def train_and_export_upscaler(settings: UpscalerSettings, report: Report, world: World) -> None:
    """Train; then, on rank 0, write weights, upscaler.onnx (where `onnx` is installed), metrics.json and a card.

    Errors as `read_pictures` and `fit_upscaler`; ConfigError where the pictures are no longer those of the settings;
    DataError where training has diverged.
    """
    read = read_pictures(settings)
    settings = with_digest(settings, read)
    network = fit_upscaler(settings, large_of(settings, read), report, world)
    if world.rank != 0:
        return
    check_converged(settings, network)
    output = Path(settings.output)
    save_upscaler(output / WEIGHTS, network, settings.kernel)
    problem = onnx_problem()
    if problem is None:
        network.load_state_dict(halved(network.state_dict()))  # what the file has
        write_whole(output / ONNX, onnx_bytes(network, settings.kernel))
    else:
        log.warning("onnx=none: %s", problem)
    upscaler = load_upscaler(output / WEIGHTS)  # what is measured is what is left
    result = asdict(measure_upscaler(upscaler, held_out_of(settings, read), settings.kernel))
    facts = {
        "pictures": "rendered rooms" if settings.pictures == ROOMS else len(read.train if read is not None else ()),
        "scale": settings.scale,
        "shrunk by": settings.kernel,
        "pieces shown": settings.steps * settings.batch,
        "side of a piece in px": settings.side,
        "losses": dict(settings.losses),
        "adversarial": settings.adversarial,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
    }
    figures = {"facts": facts, **result}
    write_whole(output / FIGURES, json_text(figures))
    write_whole(output / CARD, card(figures).encode())


def card(figures: dict[str, Any]) -> str:
    """A page about the weights, Markdown."""
    rows = "\n".join(
        f"| {name} | {each['value']:.4g} [{each['low']:.4g}, {each['high']:.4g}] |"
        for name, each in figures["figures"].items()
    )
    told = "\n".join(f"- {name}: {value}" for name, value in figures["facts"].items())
    return (
        f"# An upscaler: pictures {figures['scale']} times as large\n\n{told}\n- what it adds is what pictures like "
        f"its own have; of others it is a guess\n\nOn {_counted(figures['count'])} that it was not trained on, "
        "shrunk and enlarged again, beside bicubic enlargement; means with 95% bootstrap intervals "
        "(`higan_cam/measure/redrawn/upscaled.py` has the names):\n\n| figure | value |\n| --- | --- |\n"
        f"{rows}\n\n5% of the pictures gain less than {figures['worst']:.3g} dB.\n"
    )


def _counted(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"
