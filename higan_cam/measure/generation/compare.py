"""Samples of a generator against real pictures: every figure that one feature space gives, with its protocol."""

from __future__ import annotations

from collections.abc import MutableMapping

from higan_cam.measure.generation.distances import LEAST, PARTS, frechet_interval, kernel_distance
from higan_cam.measure.generation.features import FILTER, FeatureSpace
from higan_cam.measure.generation.neighbours import NEIGHBOURS, neighbourhoods
from higan_cam.measure.generation.protocol import GenerationFigures, Protocol
from higan_cam.store import canonical
from higan_cam.types import ByteArray, FloatArray, Interval

ROWS_PER_FEATURE = 2


def compare(
    space: FeatureSpace,
    reals: ByteArray,
    samples: ByteArray,
    *,
    seed: int = 0,
    kept: MutableMapping[str, FloatArray] | None = None,
) -> GenerationFigures:
    """(N,S,S,3) real pictures and (M,S,S,3) samples, uint8 -> the figures that their numbers carry.

    Args:
        kept: where features of the reals are kept, so that those of the same pictures are computed once.
    """
    digest = canonical.digest(reals.tobytes())
    ours, theirs = _kept(space, reals, digest, kept), space.of(samples)
    side = reals.shape[1]
    protocol = Protocol(
        features=space.name,
        features_sha256=space.sha256,
        side=space.side_for(side),
        filter=FILTER if space.side_for(side) != side else "none",
        picture_side=side,
        reals=len(reals),
        samples=len(samples),
        reference_sha256=digest,
        neighbours=NEIGHBOURS,
        parts=PARTS,
    )
    return GenerationFigures(protocol, _figures(ours, theirs, seed))


def _figures(reals: FloatArray, samples: FloatArray, seed: int) -> dict[str, Interval]:
    fewest, found = min(len(reals), len(samples)), dict[str, Interval]()
    # Where a resample's covariance has no full rank (it has 63% of the rows), the distance and its spread say nothing.
    if fewest >= ROWS_PER_FEATURE * reals.shape[1]:
        found["frechet"] = frechet_interval(reals, samples, seed)
    if fewest >= LEAST:
        found["kernel"] = kernel_distance(reals, samples, seed)
    if fewest > NEIGHBOURS:
        found.update(neighbourhoods(reals, samples, seed))
    return found


def _kept(
    space: FeatureSpace, images: ByteArray, digest: str, kept: MutableMapping[str, FloatArray] | None
) -> FloatArray:
    if kept is None:
        return space.of(images)
    name = f"{space.name} {space.sha256} {digest}"
    if name not in kept:
        kept[name] = space.of(images)
    return kept[name]
