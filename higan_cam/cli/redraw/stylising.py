"""`higan-cam stylise`: a picture in the manner of another."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from higan_cam.cli.options import parse_files, parse_loss, write_file
from higan_cam.errors import ConfigError, DataError

if TYPE_CHECKING:
    from higan_cam.types import ByteArray


def stylise(
    picture: Annotated[str, typer.Argument(help="The picture whose content stays; a file, or any URI.")],
    style: Annotated[str, typer.Argument(help="The picture whose textures it gets; likewise.")],
    output: Annotated[Path, typer.Argument(help="PNG to write.")],
    *,
    loss: Annotated[
        list[str] | None,
        typer.Option(help="NAME=WEIGHT of `higan_cam.losses`; repeatable. gram:… and colour compare with the style."),
    ] = None,
    network: Annotated[
        list[str] | None, typer.Option(help="NAME=FILE of networks that losses look through, such as vgg16.")
    ] = None,
    side: Annotated[int, typer.Option(help="Both pictures are shrunk to so many px on the longer side.", min=32)] = 256,
    steps: Annotated[int, typer.Option(help="Of the descent.", min=1)] = 100,
    optimizer: Annotated[str, typer.Option(help="`lbfgs` or `adam`.")] = "lbfgs",
    start: Annotated[str, typer.Option(help="`content`, or `noise`.")] = "content",
    seed: Annotated[int, typer.Option(help="Of the noise.", min=0, max=2**63)] = 0,
    json_: Annotated[Path | None, typer.Option("--json", help="File for what was reached.")] = None,
) -> None:
    """Draw a picture in the manner of another, by descent through a frozen network (Gatys et al. 2016).

    Through VGG16 where `--network vgg16=FILE` names torchvision's file, else through the fetched EfficientNet-Lite0.
    Every term is in a unit of its own, so weights mean the same for any picture; 1 is where a term begins.
    """
    from higan_cam.losses import Parts
    from higan_cam.publish.images import encode_image
    from higan_cam.redraw.stylise import DEFAULTS, StyliseSettings, of_style
    from higan_cam.redraw.stylise import stylise as drawn

    if output.suffix.lower() != ".png":
        raise ConfigError(f"OUTPUT {output}: a PNG is written; end its name in .png")
    files = parse_files(network or [])
    usual = DEFAULTS["vgg16" if "vgg16" in files else "efficientnet_lite0"]
    settings = StyliseSettings(
        weights=dict(parse_loss(text) for text in loss) if loss else usual,
        steps=steps,
        optimizer=optimizer,  # type: ignore[arg-type]
        start=start,  # type: ignore[arg-type]
        seed=seed,
    )
    found = drawn(_read(picture, side), _read(style, side), settings, Parts(files=files))
    write_file(output, encode_image(found.picture), "OUTPUT")
    for name, value in found.terms.items():
        compared = "the style" if of_style(name) else "the content"
        typer.echo(f"{name:<40}{found.before[name]:8.3f} -> {value:.3f}  of {compared}")
    typer.echo(f"best     look {found.best} of {len(found.losses)}, loss {found.losses[found.best]:.4g}")
    typer.echo(f"picture  {output}")
    if json_ is not None:
        losses = [value if math.isfinite(value) else None for value in found.losses]
        said = {"terms": dict(found.terms), "before": dict(found.before), "losses": losses, "best": found.best}
        write_file(json_, f"{json.dumps(said, indent=1, allow_nan=False)}\n".encode(), "--json")


def _read(place: str, side: int) -> ByteArray:
    """The one picture there, shrunk where it is larger.

    Raises:
        ConfigError: none, or several. DataError: it cannot be read, or is too narrow then.
    """
    import cv2
    import numpy as np

    from higan_cam.pictures import Unreadable, list_pictures, open_pictures
    from higan_cam.redraw.stylise import LEAST

    rows = list(list_pictures(place))
    if len(rows) != 1:
        raise ConfigError(f"{place}: {len(rows)} pictures are there; name one")
    found = open_pictures(place).read(rows[0])
    if isinstance(found, Unreadable):
        raise DataError(f"{place}: cannot be read ({found.reason})")
    height, width = found.image.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    if min(size) < LEAST:
        enough = math.ceil(LEAST * max(height, width) / min(height, width))
        raise DataError(
            f"{place}: {width} x {height} px, {size[0]} x {size[1]} at --side {side}; sides must be >= {LEAST} px: "
            f"{'take a larger picture' if min(height, width) < LEAST else f'give --side {enough}'}"
        )
    return np.asarray(cv2.resize(found.image, size, interpolation=cv2.INTER_AREA), np.uint8)
