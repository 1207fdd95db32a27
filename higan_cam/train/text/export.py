"""From trained towers to the file that others load, their figures and a card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from higan_cam.files import write_whole
from higan_cam.label.texts.towers import load_towers, save_towers
from higan_cam.train.files import check_converged, json_text
from higan_cam.train.settings import Report, World
from higan_cam.train.text.figures import text_figures
from higan_cam.train.text.fit import fit_towers
from higan_cam.train.text.settings import TextSettings

WEIGHTS, FIGURES, CARD = "text.safetensors", "metrics.json", "text.md"


def train_and_export_towers(settings: TextSettings, report: Report, world: World) -> None:
    """Train; then, on rank 0, write weights, figures and a card. Errors as `fit_towers`; DataError: diverged."""
    towers = fit_towers(settings, report, world)
    if world.rank != 0:
        return
    check_converged(settings, towers)
    output = Path(settings.output)
    save_towers(output / WEIGHTS, towers)
    left = load_towers(output / WEIGHTS)  # what is measured is what is left
    figures = {
        "facts": {
            "pictures shown": settings.steps * settings.batch,
            "parameters": sum(parameter.numel() for parameter in left.parameters()),
            "words": len(left.vocabulary),
            "held out": settings.held_out,
        },
        **text_figures(left, settings),
    }
    write_whole(output / FIGURES, json_text(figures))
    write_whole(output / CARD, card(figures).encode())


def card(figures: dict[str, Any]) -> str:
    """A page about the weights, Markdown."""
    told = "\n".join(f"- {name}: {value}" for name, value in figures["facts"].items())
    return f"# Towers of pictures and sentences about rooms\n\n{told}\n\n{tables(figures)}"


def tables(figures: dict[str, Any]) -> str:
    """Retrieval, and statements against their contradictions, of renders and of samples, Markdown."""
    head = "| {} | renders | samples of the generator |\n| --- | --- | --- |\n"
    both = [figures[name] for name in ("renders", "samples")]
    found = [
        f"| {way}, {best} | {' | '.join(_share(each[way][best]) for each in both)} |"
        for way in ("text to picture", "picture to text")
        for best in both[0][way]
    ]
    told = [
        f"| {key} | {' | '.join(_share(each['statements'][key]) for each in both)} |" for key in both[0]["statements"]
    ]
    return "\n".join(
        [
            head.format("among 100 rooms") + "\n".join(found),
            "",
            head.format("true or contradicted") + "\n".join(told),
            "",
        ]
    )


def _share(value: dict[str, float]) -> str:
    return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
