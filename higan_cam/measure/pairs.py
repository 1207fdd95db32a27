"""Real photographs taken with a lamp off and on: a student, inversion and priors look at the one without light.

The truth is where the lamp adds light (`pair_truth`). Shapes: N pairs, S the student's side, at which all is measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import repeat
from typing import Any

import numpy as np

from higan_cam.config import RunConfig
from higan_cam.errors import DataError
from higan_cam.generate.images import from_uint8
from higan_cam.mask.student import Student
from higan_cam.measure.masks import SHIPPED, TOLERANCE, found_regions
from higan_cam.measure.pair_truth import KnownPair, LeftOut, known_pairs, luminance
from higan_cam.measure.students import CUT, STUDENT, enlarged
from higan_cam.measure.values import estimate_means
from higan_cam.pictures import Affine, PictureRow, to_picture
from higan_cam.pipeline import Models, batches
from higan_cam.pipeline.flow import attribute
from higan_cam.pipeline.inverting import Inverter, Read, invert_unit
from higan_cam.pipeline.photos import readable, with_codes, with_targets
from higan_cam.rooms import localisation as metrics
from higan_cam.rooms import priors
from higan_cam.types import BoolArray, Boundary, FloatArray, Interval, PictureCode

INVERSION, INVERSION_OK = "inversion", "inversion, poor left out"
BATCH = 64
"""Pictures that the student is shown at once."""
SEED = 0
"""Of the bootstrap."""
Said = Iterable[tuple[FloatArray, BoolArray]]
"""What a method says of each pair's unlit picture: heat (S,S), of which order and peak count, and mask (S,S)."""


@dataclass(frozen=True, eq=False)
class Inversion:
    """The route through a generator: a run's networks, configuration and boundary."""

    models: Models
    config: RunConfig
    boundary: Boundary
    inverter: Inverter


@dataclass(frozen=True)
class PairRow:
    """One method: means with 95% bootstrap intervals over `count` pairs.

    Attributes:
        estimates: ap_light, average precision of the heat; over_prior, what that is above the best prior's, pair by
            pair; iou of the mask; pointing, the share of pairs whose hottest pixel is lit, within 4% of the width.
    """

    method: str
    prior: bool
    count: int
    estimates: Mapping[str, Interval]


@dataclass(frozen=True)
class PairResult:
    """All methods on `count` pairs; `share` of the picture that is lit; `verdicts` on inversions, none without them."""

    layout: str
    side: int
    count: int
    share: float
    best_prior: str
    verdicts: Mapping[str, int]
    rows: tuple[PairRow, ...]
    left_out: tuple[LeftOut, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return asdict(self)


def measure_pairs(
    rows: Sequence[PictureRow],
    read: Read,
    layout: str,
    student: Student,
    config: RunConfig,
    inversion: Inversion | None = None,
) -> PairResult:
    """Find the pairs of a listing by one of `LAYOUTS`, and compare what is said of their unlit pictures with the truth.

    Args:
        config: whose regions make a mask of a prior's heat.
        inversion: None leaves it out.

    Raises:
        ConfigError: an unknown layout, or no pair of the listing can be used.
        StoreError: the place of the pictures does not answer.
    """
    pairs, left_out = known_pairs(rows, read, layout, student.side)
    codes = [] if inversion is None else _codes(inversion, pairs, read)
    said: dict[str, Said] = {STUDENT: _student(student, pairs)}
    if inversion is not None:
        said[INVERSION] = _inversion(inversion, pairs, codes)
    blind = _priors(pairs, config)
    values = {name: _figures(each, pairs) for name, each in {**said, **blind}.items()}
    best = max(blind, key=lambda name: float(values[name]["ap_light"].mean()))
    for columns in values.values():
        columns["over_prior"] = columns["ap_light"] - values[best]["ap_light"]
    fine = np.array([code.status == "ok" for code in codes])
    if fine.any() and not fine.all():
        values[INVERSION_OK] = {name: column[fine] for name, column in values[INVERSION].items()}
    measured = tuple(
        PairRow(name, name in blind, len(columns["iou"]), estimate_means(columns, SEED))
        for name, columns in values.items()
    )
    share = float(np.mean([pair.lit.mean() for pair in pairs]))
    verdicts = dict(Counter[str](code.status for code in codes))
    return PairResult(layout, student.side, len(pairs), share, best, verdicts, measured, tuple(left_out))


def _student(student: Student, pairs: Sequence[KnownPair]) -> Iterator[tuple[FloatArray, BoolArray]]:
    for part in batches(range(len(pairs)), BATCH):
        likely = student.mask(from_uint8(np.stack([pairs[number].square for number in part]))).numpy()
        for one in likely:
            heat = enlarged(one, student.side)
            yield heat, heat >= CUT


def _codes(inversion: Inversion, pairs: Sequence[KnownPair], read: Read) -> list[PictureCode]:
    codes = invert_unit(inversion.models, inversion.config, inversion.inverter, [pair.off for pair in pairs], read)
    lost = next((code for code in codes if code.status == "unreadable"), None)
    if lost is not None:
        raise DataError(f"{lost.key}: could be read at first, and now cannot: {lost.reason}")
    return codes


def _inversion(
    inversion: Inversion, pairs: Sequence[KnownPair], codes: Sequence[PictureCode]
) -> Iterator[tuple[FloatArray, BoolArray]]:
    """As in a run, but that poor ones are asked as well."""
    models, boundary, side = inversion.models, inversion.boundary, inversion.models.generator.resolution
    config = with_targets(inversion.config, boundary)
    for part in batches(range(len(codes)), config.mask.micro_batch):
        chosen = [codes[number] for number in part]
        heats = attribute(with_codes(models, chosen), config, boundary, readable(chosen)).heat
        for number, heat in zip(part, heats, strict=True):
            found, mask = _regions(heat, config, side)
            placed = placed_in_square(codes[number], pairs[number].affine, side)
            yield to_picture(found, placed), to_picture(mask, placed)


def placed_in_square(code: PictureCode, square: Affine, side: int) -> Affine:
    """Where the generator's pixels, `side` to a side and moved by the camera, lie in the square that is measured."""
    scale, dx, dy = code.place
    first = (dx - square.dx) / square.scale, (dy - square.dy) / square.scale
    return Affine(scale / square.scale, *first, size=(square.side, square.side), side=side)


def _priors(pairs: Sequence[KnownPair], config: RunConfig) -> dict[str, Said]:
    """Heat of those who know no lamp: the middle, what is bright already, and where the other pairs are lit."""
    side = pairs[0].affine.side
    total = np.sum([pair.lit for pair in pairs], axis=0, dtype=np.float32)
    others = (np.asarray(total - pair.lit, np.float32) for pair in pairs)
    bright = (luminance(pair.square) for pair in pairs)
    return {
        "centre_gaussian": repeat(_regions(priors.centre_gaussian(side), config, side), len(pairs)),
        "brightest": (_regions(heat, config, side) for heat in bright),
        "mean_of_others": (_regions(heat, config, side) for heat in others),
    }


def _regions(heat: FloatArray, config: RunConfig, side: int) -> tuple[FloatArray, BoolArray]:
    """(s,s) heat -> (side,side), and the mask of the regions that a run would find in it."""
    found = found_regions(heat[None], config, (SHIPPED,), side)
    return found.heat[0], found.masks[SHIPPED][0]


def _figures(said: Said, pairs: Sequence[KnownPair]) -> dict[str, FloatArray]:
    """{figure: (N,)}; one answer at a time is held."""
    rows = []
    for (heat, mask), pair in zip(said, pairs, strict=True):
        lit, tolerance = pair.lit[None], TOLERANCE * pair.affine.side
        each = (
            metrics.average_precision(heat[None], lit),
            metrics.iou(mask[None], lit),
            metrics.pointing(heat[None], lit, tolerance),
        )
        rows.append([float(value[0]) for value in each])
    return dict(zip(("ap_light", "iou", "pointing"), np.array(rows).T, strict=True))
