"""Pieces of furniture as lists of patches. `camera` sees them; all lengths are metres.

Tinted patches are white here and take their colour from the scene; see `layers.Slot`.
"""

from __future__ import annotations

from higan_cam.rooms.shapes import Camera, Patch, Point, Room, box, cone, disc, ellipse, on_plane, quad, shade

Span = tuple[float, float]
PILLOW, LINEN = (0.93, 0.93, 0.94), (0.96, 0.96, 0.96)
LEAF, LEAF_DARK, POT = (0.25, 0.52, 0.24), (0.14, 0.37, 0.17), (0.72, 0.42, 0.28)
FRAME, METAL, NIGHT = (0.16, 0.14, 0.13), (0.30, 0.27, 0.24), (0.09, 0.11, 0.20)
OFF_SHADE, OFF_RIM = (0.62, 0.56, 0.46), (0.42, 0.37, 0.30)


def wardrobe(camera: Camera, x: Span, z: Span, height: float = 2.05) -> list[Patch]:
    """A two-door wardrobe whose doors face the camera (-z)."""
    middle, front = sum(x) / 2, z[0] - 0.001
    patches = box(camera, x, (0, height), z)
    for left, right in ((x[0] + 0.05, middle - 0.02), (middle + 0.02, x[1] - 0.05)):
        patches.append(quad(camera, on_plane(2, front, (left, right), (0.12, height - 0.08)), shade(0.74), True))
    for knob in (middle - 0.07, middle + 0.07):
        spot = on_plane(2, front, (knob - 0.02, knob + 0.02), (0.9, 1.1))
        patches.append(quad(camera, spot, METAL))
    return patches


def cabinet(camera: Camera, x: Span, z: Span, height: float, drawers: int, face: int = 2) -> list[Patch]:
    """A chest with a row of drawers on its -z face (`face` 2) or its room-side x face (`face` 0)."""
    patches = box(camera, x, (0, height), z)
    across = x if face == 2 else z
    at = z[0] - 0.001 if face == 2 else (x[0] if camera.position[0] < x[0] else x[1])
    step = (height - 0.08) / drawers
    for i in range(drawers):
        low, high = 0.06 + i * step, 0.02 + (i + 1) * step
        spans = ((across[0] + 0.04, across[1] - 0.04), (low, high))
        ordered = spans if face == 2 else (spans[1], spans[0])
        patches.append(quad(camera, on_plane(face, at, *ordered), shade(0.62 if face == 0 else 0.76), True))
        knob = (
            (sum(across) / 2 - 0.04, sum(across) / 2 + 0.04),
            ((low + high) / 2 - 0.02, (low + high) / 2 + 0.02),
        )
        patches.append(quad(camera, on_plane(face, at, *(knob if face == 2 else knob[::-1])), METAL))
    return patches


def desk(camera: Camera, x: Span, z: Span, height: float) -> list[Patch]:
    """A table top on four legs with a shallow apron."""
    patches = []
    for lx in (x[0] + 0.03, x[1] - 0.03):
        for lz in (z[1] - 0.03, z[0] + 0.03):
            patches += box(camera, (lx - 0.03, lx + 0.03), (0, height), (lz - 0.03, lz + 0.03))
    patches += box(camera, (x[0] + 0.02, x[1] - 0.02), (height - 0.16, height - 0.05), (z[0] + 0.02, z[1] - 0.02))
    return patches + box(camera, x, (height - 0.05, height), z)


def chair(camera: Camera, x: Span, z: Span) -> list[Patch]:
    """A chair with its back rest towards the camera (-z): legs, seat, back rest with a gap."""
    patches = []
    for lz in (z[1] - 0.03, z[0] + 0.03):
        for lx in (x[0] + 0.03, x[1] - 0.03):
            patches += box(camera, (lx - 0.025, lx + 0.025), (0, 0.42), (lz - 0.025, lz + 0.025))
    patches += box(camera, x, (0.40, 0.47), z)
    for lx in (x[0] + 0.03, x[1] - 0.03):
        patches += box(camera, (lx - 0.03, lx + 0.03), (0.47, 0.95), (z[0], z[0] + 0.05))
    return patches + box(camera, (x[0], x[1]), (0.68, 0.95), (z[0], z[0] + 0.05))


def headboard(camera: Camera, x: Span, z: Span) -> list[Patch]:
    """The bed's wooden parts: headboard at the wall, frame all round."""
    head = box(camera, (x[0] - 0.06, x[1] + 0.06), (0, 1.08), (-0.08, 0))
    panel = on_plane(2, -0.081, (x[0] + 0.04, x[1] - 0.04), (0.5, 0.98))
    return [*head, quad(camera, panel, shade(0.72), True), *box(camera, x, (0, 0.32), z)]


def cover(camera: Camera, x: Span, z: Span) -> list[Patch]:
    """The coloured cover: over the mattress, hanging down at the foot and sides, with a fold and hem."""
    top, wide = 0.60, (x[0] - 0.04, x[1] + 0.04)
    patches = box(camera, wide, (0.20, top), (z[0] - 0.04, z[1] - 0.55))
    fold = on_plane(1, top + 0.001, wide, (z[1] - 0.72, z[1] - 0.55))
    hem = on_plane(2, z[0] - 0.041, wide, (0.20, 0.25))
    return [*patches, quad(camera, fold, shade(1.22), True), quad(camera, hem, shade(0.70), True)]


def throw(camera: Camera, x: Span, z: Span) -> list[Patch]:
    """A folded blanket across the foot of the bed."""
    wide = (x[0] - 0.05, x[1] + 0.05)
    return box(camera, wide, (0.30, 0.63), (z[0] + 0.10, z[0] + 0.50))


def pillows(camera: Camera, x: Span, z: Span) -> list[Patch]:
    """White sheet and two white pillows with shaded lower edges."""
    patches = box(camera, x, (0.32, 0.56), (z[1] - 0.62, z[1]), LINEN, tinted=False)
    width = (x[1] - x[0]) / 2
    for i in range(2):
        centre = (x[0] + width * (i + 0.5), 0.72, z[1] - 0.25)
        lower = (centre[0], centre[1] - 0.03, centre[2])
        patches.append(ellipse(camera, lower, (0.47 * width, 0.17), (0.66, 0.66, 0.69)))
        patches.append(ellipse(camera, centre, (0.46 * width, 0.155), PILLOW))
    return patches


def cushions(camera: Camera, x: Span, z: Span) -> list[Patch]:
    """Two coloured cushions in front of the pillows."""
    width = (x[1] - x[0]) / 2
    patches = []
    for i in range(2):
        cx, cz = x[0] + width * (i + 0.5), z[1] - 0.50
        patches.append(quad(camera, on_plane(2, cz, (cx - 0.21, cx + 0.21), (0.57, 0.83)), shade(0.95), True))
        patches.append(quad(camera, on_plane(2, cz, (cx - 0.21, cx + 0.21), (0.57, 0.62)), shade(0.7), True))
    return patches


def plant(camera: Camera, foot: Point, size: float = 1.0) -> list[Patch]:
    """A potted plant with broad leaves, 1.15 m high at size 1."""
    x, y, z = foot
    leaves = [(-0.17, 0.62, 38), (0.17, 0.60, -38), (-0.09, 0.80, 14), (0.10, 0.78, -14), (0.0, 0.90, 0)]
    patches = [cone(camera, foot, 0.36 * size, (0.13 * size, 0.19 * size), POT)]
    for lift, radii, colour in ((0.0, (0.105, 0.26), LEAF_DARK), (0.02, (0.06, 0.21), LEAF)):
        across, up = radii[0] * size, radii[1] * size
        for dx, dy, turn in leaves:
            centre = (x + dx * size, y + (dy + lift) * size, z)
            patches.append(ellipse(camera, centre, (across, up), colour, turn))
    return patches


def rug(camera: Camera, centre: Point, radii: Span) -> list[Patch]:
    """An oval rug with a pale ring."""
    rings = ((1.0, True), (0.88, False), (0.76, True))
    return [
        disc(camera, centre, (r * radii[0], r * radii[1]), shade(1.0) if tinted else (0.82, 0.80, 0.75), tinted)
        for r, tinted in rings
    ]


def picture(camera: Camera, axis: int, at: float, first: Span, second: Span, motif: int) -> list[Patch]:
    """A framed picture on a wall plane: dark frame, white mat, tinted ground; motif 0 mountains, 1 a round sun."""

    def part(a: Span, b: Span, colour: tuple[float, float, float], tinted: bool = False) -> Patch:
        a_span = tuple(first[0] + t * (first[1] - first[0]) for t in a)
        b_span = tuple(second[0] + t * (second[1] - second[0]) for t in b)
        return quad(camera, on_plane(axis, at, a_span, b_span), colour, tinted)  # type: ignore[arg-type]

    patches = [part((0, 1), (0, 1), FRAME), part((0.1, 0.9), (0.1, 0.9), (0.9, 0.89, 0.86))]
    patches.append(part((0.2, 0.8), (0.2, 0.8), shade(1.0), True))
    if motif == 0:
        return [
            *patches,
            part((0.2, 0.8), (0.2, 0.4), (0.16, 0.24, 0.22)),
            part((0.3, 0.6), (0.4, 0.55), (0.3, 0.38, 0.34)),
        ]
    return [*patches, part((0.36, 0.64), (0.36, 0.64), (0.96, 0.93, 0.82))]


def shelf(camera: Camera, x: Span, y: float) -> list[Patch]:
    """A board on the back wall with a row of books."""
    colours = (
        (0.65, 0.22, 0.18),
        (0.22, 0.36, 0.58),
        (0.85, 0.75, 0.42),
        (0.25, 0.42, 0.30),
        (0.80, 0.78, 0.74),
    )
    width = (x[1] - x[0]) * 0.8 / len(colours)
    patches = box(camera, x, (y - 0.05, y), (-0.22, 0))
    for i, colour in enumerate(colours):
        left = x[0] + 0.04 + i * width
        book = on_plane(2, -0.16, (left, left + 0.92 * width), (y, y + 0.22 + 0.05 * (i % 3)))
        patches.append(quad(camera, book, colour))
    return patches


def window(
    camera: Camera, axis: int, at: float, first: Span, second: Span
) -> tuple[list[Patch], list[Patch], list[Patch]]:
    """(dark panes, the same panes as a mask for daylight, white frame with mullions) of a window on a wall plane."""
    inner = [(s[0] + 0.06, s[1] - 0.06) for s in (first, second)]
    panes = quad(camera, on_plane(axis, at, inner[0], inner[1]), NIGHT)
    white = (0.90, 0.90, 0.90)
    spans = [((first[0], first[0] + 0.07), second), ((first[1] - 0.07, first[1]), second)]
    spans += [(first, (second[0], second[0] + 0.07)), (first, (second[1] - 0.07, second[1]))]
    middle = [sum(first) / 2, sum(second) / 2]
    spans += [((middle[0] - 0.03, middle[0] + 0.03), second), (first, (middle[1] - 0.03, middle[1] + 0.03))]
    frame = [quad(camera, on_plane(axis, at, a, b), white) for a, b in spans]
    daylight = [Patch(panes.points, (1.0, 1.0, 1.0)), *(Patch(p.points, (0.0, 0.0, 0.0)) for p in frame)]
    return [panes], daylight, frame


def curtains(camera: Camera, axis: int, at: float, sides: tuple[Span, Span], height: Span) -> list[Patch]:
    """Two curtains with folds, beside the panes; the along-wall axis comes first for z walls, second for x walls."""
    patches = []
    for low, high in sides:
        folds = 4
        for i in range(folds):
            along = (low + (high - low) * i / folds, low + (high - low) * (i + 1) / folds)
            corners = on_plane(axis, at, *((along, height) if axis == 2 else (height, along)))
            patches.append(quad(camera, corners, shade(1.0 if i % 2 else 0.78), True))
    return patches


def contact_shadow(camera: Camera, room: Room, x: Span, z: Span, spread: float = 0.10) -> list[Patch]:
    """The dark floor under and around a piece; blurred and faded by its slot."""
    inside = (max(x[0] - spread, -room.half_width), min(x[1] + spread, room.half_width))
    return [quad(camera, on_plane(1, 0.0, inside, (z[0] - spread, min(z[1] + spread, 0.0))), shade(0.0))]
