"""A unit of the mask stage from both kinds of source: which codes it edits, its samples, its shard's bytes."""

from __future__ import annotations

from collections.abc import Sequence

from higan_cam.config import RunConfig
from higan_cam.pipeline.finishing import mask_samples
from higan_cam.pipeline.flow import HeatBatch, attribute, attribute_unit
from higan_cam.pipeline.models import Models
from higan_cam.pipeline.photos import UnitPictures, photo_samples, readable, with_codes, with_photos, with_targets
from higan_cam.pipeline.relit import with_lights
from higan_cam.publish import encode_shard
from higan_cam.types import Boundary, PictureCode, Sample, Scorer, WorkUnit


def heat_unit(
    models: Models,
    config: RunConfig,
    boundary: Boundary,
    unit: WorkUnit,
    codes: Sequence[PictureCode] | None = None,
    floor: float | None = None,
) -> HeatBatch:
    """Edited pairs and heat maps of a unit: of its latents, or of those of its pictures that have a code.

    Args:
        codes: of the unit's pictures; None on latents.
        floor: as `attribute` takes it.
    """
    if codes is None:
        return attribute_unit(models, config, boundary, unit, floor)
    return attribute(with_codes(models, codes), with_targets(config, boundary), boundary, readable(codes), floor)


def unit_samples(
    scorer: Scorer, config: RunConfig, batch: HeatBatch, pictures: UnitPictures | None, judge: Scorer | None = None
) -> list[Sample]:
    """Heat maps -> samples, those of pictures without their `photo`: that comes with their bytes.

    Args:
        judge: as `mask_samples` takes it.
    """
    if pictures is None:
        return mask_samples(scorer, config, batch, judge)
    return photo_samples(scorer, config, batch, pictures, judge)


def encode_unit(
    scorer: Scorer, config: RunConfig, samples: Sequence[Sample], batch: HeatBatch, pictures: UnitPictures | None
) -> bytes:
    """The bytes of the unit's shard."""
    photos = pictures is not None
    whole = samples if pictures is None else with_photos(scorer, config, samples, batch, pictures)
    lit = bool(config.light.gains)
    return encode_shard(with_lights(config, whole), config.publish.row_group, photos=photos, lit=lit)
