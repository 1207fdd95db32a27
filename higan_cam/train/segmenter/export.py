"""From a trained segmenter to the file that others load, its figures and a card."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from higan_cam.files import write_whole
from higan_cam.label.segmenters.agreement import part_agreement
from higan_cam.label.segmenters.u_net import load_u_net, save_u_net
from higan_cam.train.files import check_converged, json_text
from higan_cam.train.segmenter.fit import fit_segmenter
from higan_cam.train.segmenter.pictures import lessons_of
from higan_cam.train.segmenter.settings import SegmenterSettings
from higan_cam.train.settings import Report, World

WEIGHTS, FIGURES, CARD = "segmenter.safetensors", "metrics.json", "segmenter.md"


def train_and_export_segmenter(settings: SegmenterSettings, report: Report, world: World) -> None:
    """Train; then, on rank 0, write weights, figures and a card. Errors as `fit_segmenter`; DataError: diverged."""
    lessons = lessons_of(settings)
    network = fit_segmenter(settings, report, world, lessons)
    if world.rank != 0:
        return
    check_converged(settings, network)
    output = Path(settings.output)
    save_u_net(output / WEIGHTS, network, settings.side)
    images, labels = lessons.held_out(settings.held_out)
    with torch.no_grad():  # what is measured is what is left
        found = load_u_net(output / WEIGHTS).segment(images).labels
    figures = {
        "facts": {
            "learned from": "rendered faces" if not settings.pictures else "a folder of pictures and label maps",
            "pictures shown": settings.steps * settings.batch,
            "side in px": settings.side,
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "held out": len(images),
        },
        "agreement": {name: asdict(each) for name, each in part_agreement(found, labels).items()},
    }
    write_whole(output / FIGURES, json_text(figures))
    write_whole(output / CARD, card(figures).encode())


def card(figures: dict[str, Any]) -> str:
    """A page about the weights, Markdown."""
    told = "\n".join(f"- {name}: {value}" for name, value in figures["facts"].items())
    return f"# A segmenter of faces\n\n{told}\n\n{agreement_table(figures['agreement'])}"


def agreement_table(agreement: dict[str, dict[str, float]]) -> str:
    """Intersection over union of each part, Markdown."""
    rows = "\n".join(
        f"| {name} | {each['value']:.3f} [{each['low']:.3f}, {each['high']:.3f}] |" for name, each in agreement.items()
    )
    return f"| part | IoU, 95% interval over pictures |\n| --- | --- |\n{rows}\n"
