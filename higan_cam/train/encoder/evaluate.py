"""What an encoder is worth: what its codes draw, against pictures that it has not seen.

Grades as in `rooms.photos`: G0 the generator's own samples; for the embedded one of rooms also G1, clean renders of
unused rooms, and G2, those as a camera takes them. A code is to be that of an unmoved, untinted camera, so what it
draws is compared with the sample or the clean render behind each picture. Shapes: n pictures, R side, pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from higan_cam.generate import from_uint8
from higan_cam.invert.camera import CAMERA
from higan_cam.invert.encoder import Encoder, reduced
from higan_cam.invert.figures import psnr
from higan_cam.rooms.photos import PHOTO_SEED, Grade, photos
from higan_cam.train.encoder.samples import HELD_OUT_SEED, Samples, Source, draw_samples
from higan_cam.train.encoder.settings import EncoderSettings
from higan_cam.train.encoder.views import view_draws, views_of
from higan_cam.weights.embedded import EMBEDDED_GENERATORS

BATCH = 16


@dataclass(frozen=True, eq=False)
class Shown:
    """Pictures (n,3,R,R) that an encoder is asked about, and what a camera that changes nothing would show, likewise;
    with codes (n,D) in standard deviations and cameras (n,8) where they are known.
    """

    pictures: Tensor
    plain: Tensor
    white: Tensor | None = None
    cameras: Tensor | None = None


def held_out(settings: EncoderSettings, source: Source) -> dict[str, Shown]:
    """The pictures of every grade; `G0 moved` are views of G0."""
    count = settings.held_out
    samples = draw_samples(source, range(count), seed=HELD_OUT_SEED, side=source.generator.resolution)
    every = {"G0": _seen(samples, 1.0), "G0 moved": _seen(samples, 0.0)}
    drawing = EMBEDDED_GENERATORS.get(settings.generator)
    if drawing is not None and drawing.world == "rooms":
        grades: tuple[Grade, ...] = ("G1", "G2")
        size = source.generator.resolution
        images = [[each.image for each in photos(PHOTO_SEED, count, grade, size=size)] for grade in grades]
        taken = [from_uint8(np.stack(each)) for each in images]
        every |= {grade: Shown(pictures, taken[0]) for grade, pictures in zip(grades, taken, strict=True)}
    return every


@torch.no_grad()
def columns_of(source: Source, encoder: Encoder, shown: Shown) -> dict[str, Tensor]:
    """(n,) per figure that can be told.

    `psnr_db`: of what the code draws. `code_error`: root mean square over coordinates, in standard deviations.
    `shift_px`: distance of the predicted shift from the true one. `log_zoom` and so on: absolute errors.
    """
    read = [encoder(reduced(part, encoder.side)) for part in shown.pictures.split(BATCH)]
    white, cameras = (torch.cat(parts) for parts in zip(*read, strict=True))
    drawn = [source.generator.synthesize(encoder.w_plus(part))[0].clamp(-1, 1) for part in white.split(BATCH)]
    columns = {"psnr_db": psnr(torch.cat(drawn), shown.plain)}
    if shown.white is not None:
        errors = (white - shown.white[:, None]).square()[..., encoder.varies]
        columns["code_error"] = errors.mean(dim=(1, 2)).sqrt()
    if shown.cameras is not None:
        away = (cameras - shown.cameras).abs()
        columns["shift_px"] = away[:, :2].norm(dim=1) * shown.pictures.shape[-1]
        columns |= dict(zip(CAMERA[2:], away[:, 2:].unbind(1), strict=True))
    return columns


def _seen(samples: Samples, untouched: float) -> Shown:
    views = views_of(samples.pictures, view_draws(HELD_OUT_SEED, 0, len(samples)), untouched)
    return Shown(views.pictures, from_uint8(samples.pictures), torch.from_numpy(samples.white), views.cameras)
