"""The two rooms: which slots they have, in painting order, and where their eight lamps are.

Slots are fixed on purpose: a distilled generator gates whole slots crisply but blurs anything that moves. Lamp shades
are painted last and apart from each other and from the window panes, so a present lamp's shade is always visible.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from higan_cam.rooms import furniture as f
from higan_cam.rooms.scene import LAMPS
from higan_cam.rooms.shapes import Camera, Patch, Point, Room, box, cone, disc, ellipse


@dataclass(frozen=True)
class Slot:
    """One piece at its fixed place.

    Attributes:
        name: what it is.
        patches: painted in order, opaque.
        presence: column of the scene that is its opacity; None is always there.
        tint: palette entry of its tinted patches.
        opacity, blur: of the whole slot; blur in picture widths (both for shadows).
    """

    name: str
    patches: list[Patch]
    presence: str | None = None
    tint: str | None = None
    opacity: float = 1.0
    blur: float = 0.0


@dataclass(frozen=True)
class Lamp:
    """A lamp: `body` (pole, cord) is painted among the furniture, `shade` on top; `bulb` is where light starts."""

    name: str
    shade: list[Patch]
    bulb: Point
    body: list[Patch]


@dataclass(frozen=True)
class Layout:
    """One room seen by one camera; `panes` is the daylight mask, `panes_at` the middle of the window."""

    camera: Camera
    room: Room
    slots: list[Slot]
    lamps: list[Lamp]
    panes: list[Patch]
    panes_at: Point


def _shaded(camera: Camera, base: Point, height: float, radii: tuple[float, float]) -> list[Patch]:
    """An unlit cone shade with a darker lower rim."""
    rim = cone(camera, base, 0.05, (radii[0], radii[0] - 0.02), f.OFF_RIM)
    return [cone(camera, base, height, radii, f.OFF_SHADE), rim]


def pendant(camera: Camera, room: Room, name: str, at: Point, globe: bool = False) -> Lamp:
    """A lamp on a cord; `at` is the middle of the lower rim."""
    x, y, z = at
    top = (x, y + 0.15, z)
    cord = box(camera, (x - 0.022, x + 0.022), (y + 0.2, room.height), (z, z + 0.02), f.METAL, tinted=False)
    cord.append(disc(camera, (x, room.height, z), (0.10, 0.10), f.METAL))
    if globe:
        ball = [
            ellipse(camera, top, (0.19, 0.19), f.OFF_RIM),
            ellipse(camera, top, (0.165, 0.165), f.OFF_SHADE),
        ]
        return Lamp(name, ball, top, cord)
    return Lamp(name, _shaded(camera, at, 0.28, (0.225, 0.10)), top, cord)


def standing(camera: Camera, name: str, foot: Point, rim: float, height: float = 0.30, radius: float = 0.22) -> Lamp:
    """A lamp on a foot: `foot` is where it stands, `rim` the height of its shade's lower rim above the floor."""
    x, y, z = foot
    pole = box(camera, (x - 0.025, x + 0.025), (y, rim + 0.05), (z, z + 0.02), f.METAL, tinted=False)
    plate = cone(camera, foot, 0.05, (0.12, 0.09), f.METAL)
    base = (x, rim, z)
    return Lamp(name, _shaded(camera, base, height, (radius, 0.62 * radius)), (x, rim + 0.15, z), [plate, *pole])


def sconce(camera: Camera, name: str, at: Point) -> Lamp:
    """A shade on the back wall with a small bracket below."""
    x, y, z = at
    bracket = box(camera, (x - 0.03, x + 0.03), (y - 0.16, y), (z, z + 0.02), f.METAL, tinted=False)
    return Lamp(name, _shaded(camera, at, 0.30, (0.20, 0.14)), (x, y + 0.15, z), bracket)


def _shadow(camera: Camera, room: Room, name: str, x: f.Span, z: f.Span, presence: str | None = None) -> Slot:
    return Slot(f"{name}_shadow", f.contact_shadow(camera, room, x, z), presence, opacity=0.5, blur=0.012)


def _bed(camera: Camera, room: Room, x: f.Span, z: f.Span) -> list[Slot]:
    return [
        _shadow(camera, room, "bed", x, z),
        Slot("bed_frame", f.headboard(camera, x, z), tint="furniture"),
        Slot("pillows", f.pillows(camera, x, z)),
        Slot("cushions", f.cushions(camera, x, z), "cushions", "curtain"),
        Slot("cover", f.cover(camera, x, z), tint="cover"),
        Slot("throw", f.throw(camera, x, z), "throw", "rug"),
    ]


def _bodies(lamps: list[Lamp], *names: str) -> list[Slot]:
    return [Slot(f"{lamp.name}_body", lamp.body, lamp.name) for lamp in lamps if lamp.name in names]


def frontal() -> Layout:
    """Bed in the middle below the window, wardrobe left, desk right, seen straight on."""
    camera, room = Camera((0.0, 1.3, -4.3), 0.0, 0.85, 0.47), Room(1.7, 2.55)
    lamps = [
        pendant(camera, room, LAMPS[0], (-0.98, 2.02, -1.2)),
        pendant(camera, room, LAMPS[1], (0.0, 2.02, -1.2), globe=True),
        pendant(camera, room, LAMPS[2], (0.98, 2.02, -1.2)),
        standing(camera, LAMPS[3], (-0.98, 0.5, -0.22), 0.80, 0.34, 0.26),
        standing(camera, LAMPS[4], (0.98, 0.5, -0.22), 0.80, 0.34, 0.26),
        standing(camera, LAMPS[5], (-1.42, 0.0, -1.15), 1.22),
        standing(camera, LAMPS[6], (1.42, 0.0, -0.55), 1.40, 0.32, 0.24),
        standing(camera, LAMPS[7], (1.38, 0.75, -1.40), 0.88, 0.28, 0.20),
    ]
    dark, panes, frame = f.window(camera, 2, -0.001, (-0.56, 0.56), (1.28, 2.08))
    bed, left, right = (
        ((-0.7, 0.7), (-1.65, -0.08)),
        ((-1.2, -0.78), (-0.45, 0.0)),
        ((0.78, 1.2), (-0.45, 0.0)),
    )
    closet, table, seat = (
        ((-1.7, -1.22), (-0.6, 0.0)),
        ((1.16, 1.7), (-1.75, -0.85)),
        ((0.86, 1.16), (-1.62, -1.28)),
    )
    sides = ((-0.80, -0.54), (0.54, 0.80))
    slots = [
        Slot("window", [*dark, *frame]),
        Slot("curtains", f.curtains(camera, 2, -0.01, sides, (1.1, 2.18)), "curtains", "curtain"),
        Slot("picture_a", f.picture(camera, 2, -0.001, (0.92, 1.34), (1.50, 2.02), 0), "picture_a", "picture_a"),
        Slot(
            "picture_b",
            f.picture(camera, 0, 1.699, (1.35, 2.05), (-1.05, -0.45), 1),
            "picture_b",
            "picture_b",
        ),
        Slot("shelf", f.shelf(camera, (-1.16, -0.84), 1.55), "shelf", "furniture"),
        _shadow(camera, room, "closet", *closet, "wardrobe"),
        Slot("wardrobe", f.wardrobe(camera, *closet), "wardrobe", "furniture"),
        Slot("rug", f.rug(camera, (0.0, 0.0, -1.75), (1.25, 0.62)), "rug", "rug"),
        _shadow(camera, room, "left", *left),
        Slot("nightstand_left", f.cabinet(camera, *left, 0.5, 2), tint="furniture"),
        _shadow(camera, room, "right", *right),
        Slot("nightstand_right", f.cabinet(camera, *right, 0.5, 2), tint="furniture"),
        *_bodies(lamps, "floor_right", "bedside_left", "bedside_right"),
        *_bed(camera, room, *bed),
        *_bodies(lamps, "floor_left", "ceiling_left", "ceiling_centre", "ceiling_right"),
        _shadow(camera, room, "desk", *table),
        Slot("desk", f.desk(camera, *table, 0.75), tint="furniture"),
        _shadow(camera, room, "chair", *seat, "chair"),
        Slot("chair", f.chair(camera, *seat), "chair", "furniture"),
        *_bodies(lamps, "desk"),
        Slot("plant", f.plant(camera, (-1.05, 0.0, -1.62)), "plant"),
    ]
    return Layout(camera, room, slots, lamps, panes, (0.0, 1.7, 0.0))


def corner() -> Layout:
    """Looking into the left corner: window and chest on the left wall, bed against the back wall at the right."""
    camera, room = Camera((1.0, 1.3, -4.0), -25.0, 0.85, 0.47), Room(1.7, 2.55)
    lamps = [
        pendant(camera, room, LAMPS[0], (-0.98, 2.02, -1.5)),
        pendant(camera, room, LAMPS[1], (-0.15, 2.02, -1.0), globe=True),
        pendant(camera, room, LAMPS[2], (0.62, 2.02, -1.2)),
        standing(camera, LAMPS[3], (-0.42, 0.5, -0.25), 0.80, 0.34, 0.26),
        sconce(camera, LAMPS[4], (0.98, 1.36, -0.06)),
        standing(camera, LAMPS[5], (-1.32, 0.0, -2.15), 1.12, 0.28, 0.19),
        standing(camera, LAMPS[6], (-1.42, 0.0, -0.28), 1.30, 0.34, 0.26),
        standing(camera, LAMPS[7], (-1.38, 0.72, -1.05), 0.84, 0.28, 0.21),
    ]
    dark, panes, frame = f.window(camera, 0, -1.699, (1.28, 2.1), (-1.55, -0.75))
    bed, stand = ((-0.12, 1.25), (-1.75, -0.08)), ((-0.62, -0.22), (-0.45, 0.0))
    closet, chest, seat = (
        ((-1.22, -0.66), (-0.55, 0.0)),
        ((-1.7, -1.22), (-1.6, -0.7)),
        ((-0.98, -0.62), (-1.9, -1.55)),
    )
    sides = ((-1.80, -1.53), (-0.77, -0.55))
    slots = [
        Slot("window", [*dark, *frame]),
        Slot("curtains", f.curtains(camera, 0, -1.69, sides, (1.1, 2.2)), "curtains", "curtain"),
        Slot("picture_a", f.picture(camera, 2, -0.001, (0.16, 0.62), (1.42, 1.95), 0), "picture_a", "picture_a"),
        Slot(
            "picture_b",
            f.picture(camera, 2, -0.001, (-0.58, -0.24), (1.40, 1.84), 1),
            "picture_b",
            "picture_b",
        ),
        Slot("shelf", f.shelf(camera, (0.78, 1.2), 1.95), "shelf", "furniture"),
        *_bodies(lamps, "bedside_right"),
        _shadow(camera, room, "closet", *closet, "wardrobe"),
        Slot("wardrobe", f.wardrobe(camera, *closet), "wardrobe", "furniture"),
        Slot("rug", f.rug(camera, (-0.55, 0.0, -1.45), (0.85, 0.72)), "rug", "rug"),
        _shadow(camera, room, "stand", *stand),
        Slot("nightstand_left", f.cabinet(camera, *stand, 0.5, 2), tint="furniture"),
        *_bodies(lamps, "floor_right", "bedside_left"),
        *_bed(camera, room, *bed),
        *_bodies(lamps, "ceiling_left", "ceiling_centre", "ceiling_right"),
        _shadow(camera, room, "chest", *chest),
        Slot("chest", f.cabinet(camera, *chest, 0.72, 3, face=0), tint="furniture"),
        *_bodies(lamps, "desk"),
        _shadow(camera, room, "chair", *seat, "chair"),
        Slot("chair", f.chair(camera, *seat), "chair", "furniture"),
        *_bodies(lamps, "floor_left"),
        Slot("plant", f.plant(camera, (-1.0, 0.0, -2.42), 0.8), "plant"),
    ]
    return Layout(camera, room, slots, lamps, panes, (-1.7, 1.7, -1.15))


LAYOUTS: tuple[Callable[[], Layout], ...] = (frontal, corner)
"""Makers of the two layouts, by the value of the `layout` factor."""
