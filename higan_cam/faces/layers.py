"""A face as layers from back to front: what pictures are painted from, and label maps read off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from higan_cam.faces.colours import Palette
from higan_cam.faces.scene import Scene
from higan_cam.faces.shapes import Points, box, capsule, common, egg, ellipse, join, lens, stroke

BACKGROUND, SKIN, BROW_LEFT, BROW_RIGHT, EYE_LEFT, EYE_RIGHT, NOSE = range(7)
UPPER_LIP, INNER_MOUTH, LOWER_LIP, HAIR = range(7, 11)

EYES_AT, EYES_APART, EYE_WIDTH = -0.05, 0.23, 0.135
MOUTH_AT, MOUTH_WIDTH, MOUTH_HEIGHT = 0.37, 0.18, 0.22
HAIR_ENDS = (-0.02, 0.87)
"""How far down the shortest and the longest hair reaches."""

Place = tuple[slice, slice]
"""Rows and columns of a picture."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One shape.

    Attributes:
        distance: (N,R,R) signed, negative inside, in halves of a picture.
        colour: (N,3,1,1) or (N,3,R,R) sRGB in [0,1].
        label: what the pixel is from here on; None for what is drawn on something else and leaves it what it is
            (lashes, shadows, spectacles).
        opacity: (N,1,1) or one number.
        soft: width of the outline's fall-off in halves of a picture, beyond one pixel; for shadows.
    """

    distance: Tensor
    colour: Tensor
    label: int | None = None
    opacity: Tensor | float = 1.0
    soft: float = 0.0


@dataclass(frozen=True, eq=False)
class Face:
    """Where a face's parts are; all (N,1,1), lengths in halves of a picture, head coordinates."""

    eyes: Tensor
    mouth: Tensor
    length: Tensor
    yaw: Tensor
    glasses: Tensor
    brow: Tensor
    fringe: Tensor
    smile: Tensor
    width: Tensor
    chin: Tensor


def layers(scene: Scene, grid: Points, palette: Palette) -> Iterator[tuple[Place, Layer]]:
    """The layers over the background, from back to front, each with the part of the picture that its R,R is."""

    def get(name: str) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(scene.column(name)))[:, None, None]

    head = grid.seen_from(0.05 * (get("across") - 0.5), 0.03 + 0.05 * (get("down") - 0.5), 1.02 + 0.06 * get("size"))
    face = Face(
        eyes=get("eyes"),
        mouth=get("mouth"),
        length=get("hair_length"),
        yaw=get("yaw"),
        glasses=get("glasses"),
        brow=get("brow"),
        fringe=get("fringe"),
        smile=get("smile"),
        width=0.445 + 0.04 * get("width"),
        chin=0.64 + 0.05 * get("chin"),
    )
    for (left, right, top, bottom), part in PARTS:
        rows, columns = _within(top, bottom, grid.y), _within(left, right, grid.x)
        for layer in part(head.cut(rows, columns), face, palette):
            yield (rows, columns), layer


def _within(low: float, high: float, centres: Tensor) -> slice:
    """The pixels with centres in a span of the picture."""
    inside = torch.nonzero((centres.flatten() >= low) & (centres.flatten() <= high))
    return slice(int(inside[0]), int(inside[-1]) + 1)


def eye_centre(face: Face, side: float) -> tuple[Tensor, Tensor]:
    """(x, half width) of an eye: both are moved by the turn of the head, the further one grows narrower."""
    x = side * EYES_APART * (1 - 0.10 * face.yaw.abs()) + 0.09 * face.yaw
    return x, EYE_WIDTH * (1 - 0.22 * (side * face.yaw).clamp_min(0))


def _body(head: Points, face: Face, palette: Palette) -> Iterator[Layer]:
    shoulders = join(
        ellipse(head.seen_from(0.0, 1.28), 0.92, 0.50),
        box(head.seen_from(0.0, 1.6), 0.90, 0.5, 0.2),
    )
    yield Layer(shoulders, palette.clothes, BACKGROUND)
    low, high = HAIR_ENDS
    ends = low + (high - low) * face.length
    cap = ellipse(head.seen_from(0.0, -0.18), face.width + 0.10, 0.62)
    top = -0.25
    falling = box(head.seen_from(0.0, (ends + top) / 2), face.width + 0.09 + 0.05 * face.length, (ends - top) / 2, 0.1)
    yield Layer(join(common(cap, head.y - ends), falling), palette.hair_behind, HAIR)
    neck = capsule(head.seen_from(0.0, 0.35), (0.0, 0.45), 0.19, 0.2)
    yield Layer(neck, palette.skin_shadow, BACKGROUND)


def _head(head: Points, face: Face, palette: Palette) -> Iterator[Layer]:
    for side in (-1.0, 1.0):
        ear = ellipse(head.seen_from(side * (face.width + 0.02), 0.03), 0.075, 0.13)
        yield Layer(ear, palette.skin_shadow, SKIN)
    outline = egg(head, face.width, face.chin, 0.20)
    yield Layer(outline, palette.skin, SKIN)
    for side in (-1.0, 1.0):
        cheek = ellipse(head.seen_from(side * 0.26 + 0.10 * face.yaw, 0.24), 0.13, 0.09)
        yield Layer(common(cheek, outline), palette.cheek, opacity=0.45, soft=0.10)


def _eye(head: Points, face: Face, palette: Palette, side: float) -> Iterator[Layer]:
    x, half = eye_centre(face, side)
    at = head.seen_from(x, EYES_AT)
    above, below = 0.01 + 0.09 * face.eyes, 0.03 + 0.035 * face.eyes
    seen = (6 * face.eyes).clamp_max(1)
    opened = lens(at, half, above, below)
    socket = ellipse(at.seen_from(0.0, -0.02), 0.17, 0.12)
    yield Layer(socket, palette.skin_shadow, opacity=0.35, soft=0.08)
    yield Layer(opened, palette.skin_shadow, EYE_LEFT if side < 0 else EYE_RIGHT)
    yield Layer(opened, palette.white, opacity=seen)
    pupil = at.seen_from(0.05 * face.yaw, -0.012)
    yield Layer(common(ellipse(pupil, 0.072, 0.072), opened), palette.iris, opacity=seen)
    yield Layer(common(ellipse(pupil, 0.036, 0.036), opened), palette.dark, opacity=seen)
    yield Layer(common(ellipse(pupil.seen_from(-0.022, -0.026), 0.017, 0.017), opened), palette.white, opacity=seen)
    lid = lens(at, half + 0.012, above + 0.008, below)
    lash = common(stroke(lid, 0.028), at.y - 0.035 + 0.06 * face.eyes)
    yield Layer(lash, palette.dark, opacity=0.9)


def _nose(head: Points, face: Face, palette: Palette) -> Iterator[Layer]:
    bridge, tip = 0.10 * face.yaw, 0.20 * face.yaw
    place = head.seen_from(bridge, -0.01)
    shape = join(
        capsule(place, (tip - bridge, 0.19), 0.028, 0.052),
        ellipse(head.seen_from(tip, 0.195), 0.092, 0.055),
    )
    yield Layer(ellipse(head.seen_from(tip, 0.235), 0.10, 0.05), palette.skin_shadow, opacity=0.6, soft=0.05)
    yield Layer(shape, palette.nose, NOSE)
    for side in (-1.0, 1.0):
        nostril = ellipse(head.seen_from(tip + side * 0.042, 0.222), 0.022, 0.013)
        yield Layer(nostril, palette.dark, opacity=0.55)


def _mouth(head: Points, face: Face, palette: Palette) -> Iterator[Layer]:
    half = MOUTH_WIDTH * (1 - 0.10 * face.mouth) * (0.92 + 0.16 * face.smile)
    at = head.seen_from(0.11 * face.yaw, MOUTH_AT)
    curve = (0.03 - 0.09 * face.smile) * (at.x / MOUTH_WIDTH).square()
    bent = Points(at.x, at.y - curve)
    opening = MOUTH_HEIGHT * face.mouth
    above, below = 0.28 * opening, 0.72 * opening
    whole = lens(bent, half, above + 0.045, below + 0.062, 2.5)
    inner = lens(bent, half - 0.035, above, below, 2.5)
    yield Layer(common(whole, bent.y), palette.lips_above, UPPER_LIP)
    yield Layer(common(whole, -bent.y), palette.lips_below, LOWER_LIP)
    yield Layer(common(stroke(bent.y, 0.022), bent.x.abs() - half), palette.mouth, opacity=0.8)
    yield Layer(inner, palette.mouth, INNER_MOUTH)
    yield Layer(common(inner, bent.y + above - 0.022 - 0.04 * face.mouth), palette.teeth)
    tongue = ellipse(bent.seen_from(0.0, below), 0.11, 0.35 * opening + 0.004)
    yield Layer(common(inner, tongue), palette.tongue, soft=0.02)


def _fringe(head: Points, face: Face, palette: Palette) -> Iterator[Layer]:
    """Hair before the face: the cap above a hairline that is parted at one side."""
    parting = head.x + 0.16
    hairline = -0.50 + 0.17 * face.fringe + (0.85 - 0.25 * face.fringe) * parting.square() / (1 + parting.square())
    side = face.width + 0.06 - 0.12 * (head.y + 0.30).clamp_min(0)
    cap = common(ellipse(head.seen_from(0.0, -0.18), face.width + 0.10, 0.62), (head.y - hairline) * 0.85)
    yield Layer(common(cap, head.x.abs() - side - 0.2), palette.hair, HAIR)


def _brow(head: Points, face: Face, palette: Palette, side: float) -> Iterator[Layer]:
    x, half = eye_centre(face, side)
    at = head.seen_from(x, EYES_AT - 0.17 - 0.06 * face.brow)
    bent = Points(at.x, at.y + 0.055 * (1 - (at.x / half).square()) - 0.03)
    shape = capsule(bent.seen_from(-side * half, 0.0), (side * 2 * half, 0.0), 0.036, 0.02)
    yield Layer(shape, palette.brow, BROW_LEFT if side < 0 else BROW_RIGHT)


def _spectacles(head: Points, face: Face, palette: Palette) -> Iterator[Layer]:
    centres = [eye_centre(face, side)[0] for side in (-1.0, 1.0)]
    rings = [box(head.seen_from(x, EYES_AT + 0.01), 0.19, 0.155, 0.11) for x in centres]
    glass = join(*rings)
    yield Layer(glass, palette.glass, opacity=0.16 * face.glasses)
    between = common(
        stroke(head.y - EYES_AT + 0.03, 0.03), (head.x - centres[0] - 0.19).neg(), head.x - centres[1] + 0.19
    )
    outside = common(
        stroke(head.y - EYES_AT + 0.03, 0.03),
        head.x.abs() - face.width,
        torch.minimum(glass, between).neg(),
    )
    yield Layer(join(stroke(glass, 0.034), between, outside), palette.frame, opacity=0.95 * face.glasses)


PARTS: tuple[tuple[tuple[float, float, float, float], Callable[[Points, Face, Palette], Iterator[Layer]]], ...] = (
    ((-1, 1, -1, 1), _body),
    ((-0.75, 0.75, -0.85, 0.95), _head),
    ((-0.65, 0.22, -0.42, 0.30), partial(_eye, side=-1.0)),
    ((-0.22, 0.65, -0.42, 0.30), partial(_eye, side=1.0)),
    ((-0.48, 0.48, -0.15, 0.45), _nose),
    ((-0.48, 0.48, 0.20, 0.85), _mouth),
    ((-0.80, 0.80, -1, 0.20), _fringe),
    ((-0.60, 0.22, -0.55, 0.10), partial(_brow, side=-1.0)),
    ((-0.22, 0.60, -0.55, 0.10), partial(_brow, side=1.0)),
    ((-0.70, 0.70, -0.35, 0.35), _spectacles),
)
"""What a face is painted of, from back to front, each in the part (left, right, top, bottom) that it never leaves."""
