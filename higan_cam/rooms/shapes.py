"""A pinhole camera in a box-shaped room, and the furniture primitives it sees as flat coloured polygons.

World: x to the right, y up, z into the picture, metres; the back wall is z = 0 and the floor y = 0. Picture: (u, v) in
[0,1], v down. The camera is level (a shifted horizon instead of a tilt), so verticals stay vertical.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Colour = tuple[float, float, float]
Point = tuple[float, float, float]
NEAREST = 0.15
"""Points nearer than this to the camera plane are pushed out to it, metres."""


@dataclass(frozen=True)
class Room:
    """A room of x in [-half_width, half_width], y in [0, height], z <= 0, open towards the camera."""

    half_width: float
    height: float


@dataclass(frozen=True)
class Camera:
    """Level pinhole camera: position (m), yaw (degrees, positive looks right), focal length (picture widths)."""

    position: Point
    yaw: float
    focal: float
    horizon: float

    def _axes(self) -> tuple[Array, Array]:
        angle = np.deg2rad(self.yaw)
        return np.array([np.cos(angle), 0.0, -np.sin(angle)]), np.array([np.sin(angle), 0.0, np.cos(angle)])

    def scale(self, point: Point) -> float:
        """Picture widths per metre at a point's depth."""
        depth = float((np.asarray(point) - self.position) @ self._axes()[1])
        return self.focal / max(depth, NEAREST)

    def project(self, points: Array) -> Array:
        """(P,3) metres -> (P,2) picture coordinates (u, v)."""
        right, forward = self._axes()
        offset = np.asarray(points, dtype=np.float64) - self.position
        depth = np.maximum(offset @ forward, NEAREST)
        u = 0.5 + self.focal * (offset @ right) / depth
        return np.stack([u, self.horizon - self.focal * offset[:, 1] / depth], axis=1)

    def cast(self, room: Room, size: int) -> tuple[Array, Array]:
        """Where each pixel's ray meets the room's shell: positions (size,size,3) and inward normals, metres."""
        right, forward = self._axes()
        grid = (np.arange(size) + 0.5) / size
        v, u = np.meshgrid(grid, grid, indexing="ij")
        ray = forward + (u - 0.5)[..., None] / self.focal * right
        ray[..., 1] += (self.horizon - v) / self.focal
        ray = np.where(np.abs(ray) < 1e-9, 1e-9, ray)
        low = np.array([-room.half_width, 0.0, -np.inf])
        high = np.array([room.half_width, room.height, 0.0])
        distance = np.where(ray > 0, high - self.position, low - self.position) / ray
        axis = distance.argmin(axis=-1)
        position = self.position + np.take_along_axis(distance, axis[..., None], -1) * ray
        return position, -np.eye(3)[axis] * np.sign(ray)


@dataclass(frozen=True)
class Patch:
    """One filled polygon.

    Attributes:
        points: (P,2) picture coordinates.
        colour: sRGB in [0,1]; of a tinted patch only the first channel counts, as a factor on the tint.
        tinted: the slot's tint colours it.
    """

    points: Array
    colour: Colour
    tinted: bool = False


def shade(value: float) -> Colour:
    """A grey."""
    return (value, value, value)


def quad(camera: Camera, corners: list[Point], colour: Colour, tinted: bool = False) -> Patch:
    """A flat polygon through points in the room."""
    return Patch(camera.project(np.array(corners)), colour, tinted)


def on_plane(axis: int, at: float, first: tuple[float, float], second: tuple[float, float]) -> list[Point]:
    """Corners of the rectangle `first` x `second` (the remaining axes in order x, y, z) on the plane axis = at."""
    (a0, a1), (b0, b1) = first, second
    corners = []
    for a, b in ((a0, b0), (a1, b0), (a1, b1), (a0, b1)):
        rest = [a, b]
        rest.insert(axis, at)
        corners.append((rest[0], rest[1], rest[2]))
    return corners


_FACES = ((0, 0.70), (1, 1.0), (2, 0.86))


def box(
    camera: Camera,
    x: tuple[float, float],
    y: tuple[float, float],
    z: tuple[float, float],
    colour: Colour = (1.0, 1.0, 1.0),
    tinted: bool = True,
) -> list[Patch]:
    """The visible faces of a box; tops brightest, sides darkest, so that it reads as solid."""
    spans = (x, y, z)
    patches = []
    for axis, light in _FACES:
        first, second = (spans[i] for i in range(3) if i != axis)
        eye, (low, high) = camera.position[axis], spans[axis]
        if eye <= high and eye >= low:
            continue
        at = high if eye > high else low
        toned = tuple(light * c for c in colour)
        patches.append(quad(camera, on_plane(axis, at, first, second), toned[:3], tinted))  # type: ignore[arg-type]
    return patches


def disc(camera: Camera, centre: Point, radii: tuple[float, float], colour: Colour, tinted: bool = False) -> Patch:
    """An ellipse that lies flat, radii along x and z."""
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    ring = np.zeros((64, 3)) + centre
    ring[:, 0] += radii[0] * np.cos(angle)
    ring[:, 2] += radii[1] * np.sin(angle)
    return Patch(camera.project(ring), colour, tinted)


def ellipse(camera: Camera, centre: Point, radii: tuple[float, float], colour: Colour, turn: float = 0.0) -> Patch:
    """An upright ellipse that faces the camera, radii in metres (across, up), turned by `turn` degrees."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    across, up = radii[0] * np.cos(angle), radii[1] * np.sin(angle)
    c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    offset = np.stack([c * across - s * up, -(s * across + c * up)], axis=1)
    return Patch(camera.project(np.array([centre])) + camera.scale(centre) * offset, colour)


def cone(
    camera: Camera,
    base: Point,
    height: float,
    radii: tuple[float, float],
    colour: Colour,
    tinted: bool = False,
) -> Patch:
    """The silhouette of an upright cut cone on `base`, radii at its bottom and top, with a rounded lower rim."""
    foot = camera.project(np.array([base]))[0]
    scale = camera.scale(base)
    bottom, top = radii[0] * scale, radii[1] * scale
    angle = np.linspace(0, np.pi, 16)
    rim = np.stack([bottom * np.cos(angle), 0.22 * bottom * np.sin(angle)], axis=1)
    lid = np.array([[-top, -height * scale], [top, -height * scale]])
    return Patch(foot + np.concatenate([rim, lid]), colour, tinted)
