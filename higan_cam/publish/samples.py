"""A `Sample` as one row of the dataset: images to PNG, regions to structs, undefined numbers to null."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

from higan_cam.publish.codes import PUBLISHED_FIGURES
from higan_cam.publish.image_hash import image_hash
from higan_cam.publish.images import encode_heat, encode_image
from higan_cam.types import Captions, Photo, Region, Relit, Sample


def sample_row(sample: Sample) -> dict[str, Any]:
    """The row of a sample, ready for the dataset's Parquet schema.

    Quality figures that are not defined (score change 0) become null; a NaN never reaches the dataset.

    Raises:
        ValueError: when an image has a wrong type, or its size is not the sample's.
    """
    _check_sizes(sample)
    images = {
        "image": encode_image(sample.image),
        "original": encode_image(sample.original),
        "negative": encode_image(sample.negative),
        "conditioning_image": encode_image(sample.mask),
        "heat": encode_heat(sample.heat),
    }
    return {
        "id": sample.id,
        **{name: {"bytes": body, "path": f"{sample.id}.png"} for name, body in images.items()},
        **_words(sample.words),
        "index": sample.index,
        "seed": sample.seed,
        "score": _finite(sample.score),
        "score_negative": _finite(sample.score_negative),
        "score_positive": _finite(sample.score_positive),
        "retention": _finite(sample.retention),
        "necessity": _finite(sample.necessity),
        "retention_random": _finite(sample.retention_random),
        "necessity_random": _finite(sample.necessity_random),
        "retention_second": _finite(sample.retention_second),
        "necessity_second": _finite(sample.necessity_second),
        "coverage": _finite(sample.coverage),
        "distance_negative": sample.distance_negative,
        "distance_positive": sample.distance_positive,
        "reached": sample.reached,
        "status": sample.status,
        "reason": sample.reason,
        "image_hash": image_hash(sample.image),
        "regions": [region_row(region) for region in sample.regions],
        **(_photo(sample.photo, sample.id) if sample.photo is not None else {}),
        "lights": [_light(light, f"{sample.id}-{place:02d}") for place, light in enumerate(sample.lights)],
    }


def region_row(region: Region) -> dict[str, Any]:
    """The struct of a region; coordinates stay (y, x), the box stays (x, y, width, height)."""
    ellipse = region.ellipse
    size, counts = region.rle["size"], region.rle["counts"]
    return {
        "rank": region.rank,
        "area": region.area,
        "mean_heat": region.mean_heat,
        "max_heat": region.max_heat,
        "importance": region.importance,
        "points": region.points,
        "centroid": list(region.centroid),
        "peak": list(region.peak),
        "ellipse": {"major": ellipse.major, "minor": ellipse.minor, "angle": ellipse.angle},
        "bbox": list(region.bbox),
        # pycocotools gives bytes, JSON and Parquet want text; the encoding is ASCII.
        "rle": {"size": list(size), "counts": counts.decode("ascii") if isinstance(counts, bytes) else counts},
    }


def _photo(photo: Photo, name: str) -> dict[str, Any]:
    """The columns that a run on pictures has besides (`dataset.PHOTO_COLUMNS`)."""
    images = {
        "picture": photo.picture,
        "picture_mask": photo.mask,
        "picture_image": photo.positive,
        "picture_negative": photo.negative,
        "reconstruction": photo.reconstruction,
    }
    bodies = {column: None if image is None else encode_image(image) for column, image in images.items()}
    figures = photo.code.figures
    return {
        **{column: body and {"bytes": body, "path": f"{name}.png"} for column, body in bodies.items()},
        "picture_key": photo.code.key,
        "verdict": photo.code.status,
        "score_reconstruction": _finite(photo.score_reconstruction),
        "student_overlap": _finite(photo.student_overlap),
        "place": list(photo.code.place),
        "places": [asdict(place) for place in photo.places],
        "picture_regions": [region_row(region) for region in photo.regions],
        **{f"invert_{name}": _finite(figures.get(name, math.nan)) for name in PUBLISHED_FIGURES},
    }


def _light(light: Relit, name: str) -> dict[str, Any]:
    """One of `dataset.LIT_COLUMNS`."""
    return {
        "image": {"bytes": encode_image(light.image), "path": f"{name}.png"},
        "lamp": light.lamp,
        "rank": light.rank,
        "x": light.x,
        "y": light.y,
        "gain": light.gain,
        "kelvin": light.kelvin,
        "on_prompt": light.on_prompt,
        "edit_prompt": light.edit_prompt,
        "off_prompt": light.off_prompt,
    }


def _words(words: Captions) -> dict[str, Any]:
    return {**asdict(words), "captions": list(words.captions)}


def _check_sizes(sample: Sample) -> None:
    size = sample.image.shape[:2]
    for name in ("original", "negative", "mask"):
        found = getattr(sample, name).shape[:2]
        if found != size:
            raise ValueError(f"sample {sample.id}: {name} is {found}, expected {size}, the size of image")


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
