"""Light put into photos whose lamps are off, against the same rooms rendered with their lamps on.

Compared: nothing at all; the composite of `composers.cutout` from a student's heat, from its mask and from the true
light; where codes are at hand, the light of an inverted photo's edit as the composer `pair` puts it, and all that
changes between both ends of that edit, in linear light.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count as count_up

import numpy as np
import torch
from scipy.optimize import minimize

from higan_cam.config import RunConfig
from higan_cam.generate.images import from_uint8, to_uint8
from higan_cam.mask.student import Student
from higan_cam.mask.student.network import HEAT, MASK
from higan_cam.measure.light.relit import psnr
from higan_cam.measure.students import enlarged
from higan_cam.measure.values import estimate_means
from higan_cam.pictures import Affine, Picture, PictureRow, paste_change, to_picture
from higan_cam.pipeline import HeatBatch, Models, batches
from higan_cam.pipeline.carried import carried_edit, light_ends, strong_end
from higan_cam.pipeline.finishing import mask_samples
from higan_cam.pipeline.flow import attribute
from higan_cam.pipeline.inverting import Inverter, invert_unit
from higan_cam.pipeline.photos import readable, with_codes, with_targets
from higan_cam.pipeline.relit import response_of
from higan_cam.relight import Dial, relight
from higan_cam.relight.composers import Composer, Spot
from higan_cam.relight.composers.cutout import Cutout, CutoutSettings
from higan_cam.relight.composers.pair import Pair, PairSettings
from higan_cam.relight.response import FILM, SRGB
from higan_cam.rooms.photos import OFF, photo_latent, photo_scene
from higan_cam.rooms.render import render
from higan_cam.rooms.truth import truth
from higan_cam.types import Boundary, ByteArray, FloatArray, Interval, PictureCode, Place

ON = -OFF
"""A drive at which every lamp that there is burns."""
NOTHING, STUDENT, ITS_MASK, TRUE_LIGHT, PAIR = "nothing", "student's heat", "student's mask", "true light", "pair"
CHANGE = "change of the edit"
LEARNED = "translator, student's heat"
_LIT = 0.1
_GAINS = np.linspace(0.3, 2.5, 45)
_ANYWHERE = Place(0, 0.5, 0.5, 0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, eq=False)
class UnlitPhotos:
    """Clean renders: (N,S,S,3) uint8 with every lamp off and on, (N,S,S) float32 light of the lamps, peak 1."""

    unlit: ByteArray
    lit: ByteArray
    light: FloatArray


def unlit_photos(seed: int, count: int, size: int = 128) -> UnlitPhotos:
    """The first `count` rooms of this seed that have a lamp."""
    unlit: list[ByteArray] = []
    lit: list[ByteArray] = []
    lights: list[FloatArray] = []
    indices = count_up()
    while len(unlit) < count:
        index = next(indices)
        scene = photo_scene(seed, index, photo_latent(seed, index), "G1")
        dark, bright = (replace(scene, drive=np.full_like(scene.drive, drive)) for drive in (OFF, ON))
        light = truth(dark, size).light[0].sum(dim=0).numpy()
        if light.max() > 0:
            unlit.append(to_uint8(render(dark, size))[0])
            lit.append(to_uint8(render(bright, size))[0])
            lights.append((light / light.max()).astype(np.float32))
    return UnlitPhotos(np.stack(unlit), np.stack(lit), np.stack(lights))


def student_shapes(student: Student, known: UnlitPhotos) -> dict[str, FloatArray]:
    """{method: (N,S,S) where it puts light in the unlit photos}, and the truth."""
    with torch.inference_mode():
        maps = student.maps(from_uint8(known.unlit)).numpy()
    size = known.unlit.shape[1]
    heat, likely = (np.stack([enlarged(one, size) for one in maps[:, which]]) for which in (HEAT, MASK))
    return {STUDENT: heat, ITS_MASK: (likely >= 0.5).astype(np.float32), TRUE_LIGHT: known.light}


def composites(known: UnlitPhotos, shapes: FloatArray, settings: CutoutSettings) -> list[ByteArray]:
    """Every unlit photo with light of this shape, by `composers.cutout`."""
    return composed(known, shapes, Cutout(settings))


def composed(known: UnlitPhotos, shapes: FloatArray, compose: Composer) -> list[ByteArray]:
    """Every unlit photo with the light that a composer makes of this heat."""
    found = [compose(Spot(one, _ANYWHERE, heat)) for one, heat in zip(known.unlit, shapes, strict=True)]
    return [relight(each.picture, [each.light], [Dial()]) for each in found]


def fit_cutout(known: UnlitPhotos, shapes: FloatArray, steps: int = 400) -> CutoutSettings:
    """The settings whose composites are nearest to the lit photos, in dB: one set for all, by Nelder and Mead."""

    def settings(values: Sequence[float]) -> CutoutSettings:
        power, on_things, glow, on_light = np.exp(values[:4])
        kelvin = float(np.clip(1e6 / values[4], 2000, 12000))
        return CutoutSettings(
            kelvin=kelvin, power=float(power), on_things=float(on_things), glow=float(glow), on_light=float(on_light)
        )

    def loss(values: Sequence[float]) -> float:
        made = composites(known, shapes, settings(values))
        return -float(np.mean([psnr(one, lit) for one, lit in zip(made, known.lit, strict=True)]))

    start = CutoutSettings()
    first = [*np.log([start.power, start.on_things, start.glow, start.on_light]), 1e6 / start.kelvin]
    steps_of = np.diag([0.3, 0.3, 0.3, 0.3, 30.0])
    simplex = np.array([first, *(np.array(first) + step for step in steps_of)])
    found = minimize(loss, first, method="Nelder-Mead", options={"maxfev": steps, "initial_simplex": simplex})
    return settings(found.x)


def lit_figures(
    known: UnlitPhotos, made: Mapping[str, Sequence[ByteArray]], seed: int
) -> dict[str, dict[str, Interval]]:
    """{method: {whole, light, elsewhere: dB against the lit photos}}, means over photos with 95% intervals.

    `light`: where the lamps' light is at least a tenth of its peak.
    """
    rows = {}
    for name, pictures in made.items():
        columns: dict[str, list[float]] = {"whole": [], "light": [], "elsewhere": []}
        for one, lit, light in zip(pictures, known.lit, known.light, strict=True):
            inside = light > _LIT
            columns["whole"].append(psnr(one, lit))
            columns["light"].append(psnr(one[inside], lit[inside]))
            columns["elsewhere"].append(psnr(one[~inside], lit[~inside]))
        rows[name] = estimate_means({name: np.array(values) for name, values in columns.items()}, seed)
    return rows


def edited_photos(
    models: Models,
    config: RunConfig,
    boundary: Boundary,
    inverter: Inverter,
    pictures: ByteArray,
    *,
    to_scores: bool = True,
) -> tuple[HeatBatch, list[PictureCode]]:
    """Photos (N,S,S,3) inverted and edited to their target scores, as a run on pictures does it; and their codes.

    Args:
        to_scores: False edits by `edit.distance`, as a run on latents does it.
    """
    rows = [PictureRow(index, f"{index}", 0, "", 0) for index in range(len(pictures))]
    codes = invert_unit(models, config, inverter, rows, lambda row: Picture(pictures[row.index]))
    config = with_targets(config, boundary) if to_scores else config
    parts = [[codes[index] for index in part] for part in batches(range(len(codes)), config.mask.micro_batch)]
    found = [attribute(with_codes(models, part), config, boundary, readable(part)) for part in parts]
    names = ("original", "negative", "positive", "heat", "distances", "reached")
    stacked = {name: np.concatenate([getattr(batch, name) for batch in found]) for name in names}
    return HeatBatch(indices=tuple(range(len(pictures))), **stacked), codes


def lit_by_pair(
    models: Models,
    config: RunConfig,
    boundary: Boundary,
    pictures: ByteArray,
    edited: HeatBatch,
    codes: Sequence[PictureCode],
) -> list[ByteArray]:
    """Photos (N,S,S,3) with the light of their own edits, as `higan-cam light --composer pair` puts it, at gain 1.

    Args:
        edited: by `edited_photos`. codes: theirs.
    """
    ends, made = light_ends(config, boundary, models.generator), list[ByteArray]()
    samples = mask_samples(models.scorer, config, replace(edited, original=pictures))
    for sample, drawn, code in zip(samples, edited.original, codes, strict=True):
        own = sample.distance_positive, lambda end=sample.image: end
        after = strong_end(ends, code.w_plus, sample.score, *own)
        affine = Affine(*code.place, size=code.size, side=len(drawn))
        edit = carried_edit(code, sample.original, to_picture(sample.mask, affine), (), (drawn, after))
        curve = response_of(config.light, config.generator.weights)
        compose = Pair(PairSettings(before=edit.before, after=edit.after, affine=edit.affine, response=curve))
        found = compose(Spot(edit.picture, _ANYWHERE, mask=edit.mask))
        made.append(relight(found.picture, [found.light], [Dial()]))
    return made


def transferred(photo: ByteArray, reconstruction: ByteArray, strong: ByteArray) -> ByteArray:
    """photo + (strong end - reconstruction), in linear light, everywhere: the change of an inverted photo's edit."""
    everywhere = np.full(photo.shape[:2], 255, np.uint8)
    return paste_change(photo, everywhere, reconstruction, strong, Affine(1.0, 0.0, 0.0, photo.shape[:2], len(photo)))


def transfers(
    known: UnlitPhotos, reconstructions: Sequence[ByteArray], strong: Sequence[ByteArray]
) -> tuple[dict[str, list[ByteArray]], list[float]]:
    """What `transferred` loses, one thing at a time: {what is put right: pictures}, and the best gain of each photo.

    `film`: light added in the renderer's own response; `brighter`: what gets darker left out, as `composers.pair` does;
    `in the light`: nothing added where the lamps' true light is 0, and all from a tenth of its peak on; `best gain`:
    the change times that of `_GAINS` which brings the photo nearest to its lit render, and which nobody would know.
    """
    made: dict[str, list[ByteArray]] = {name: [] for name in ("film", "brighter", "in the light", "best gain")}
    gains: list[float] = []
    for photo, before, after, lit, light in zip(
        known.unlit, reconstructions, strong, known.lit, known.light, strict=True
    ):
        there, change = SRGB.light(photo), SRGB.light(after) - SRGB.light(before)
        turned = [SRGB.display(there + gain * change) for gain in _GAINS]
        best = int(np.argmax([psnr(picture, lit) for picture in turned]))
        gains.append(float(_GAINS[best]))
        made["film"].append(FILM.display(FILM.light(photo) + FILM.light(after) - FILM.light(before)))
        made["brighter"].append(SRGB.display(there + np.maximum(change, 0)))
        made["in the light"].append(SRGB.display(there + change * np.minimum(light / _LIT, 1)[..., None]))
        made["best gain"].append(turned[best])
    return made, gains


def reached_share(models: Models, strong: ByteArray, target: float, within: float = 0.3) -> tuple[float, float]:
    """(share of strong ends whose score is within so much of the target, mean score)."""
    with torch.inference_mode():
        parts = [strong[part[0] : part[-1] + 1] for part in batches(range(len(strong)), 8)]
        scores = torch.cat([models.scorer.score(from_uint8(part)) for part in parts])
    away = (scores - target).abs()
    return float((away <= within).float().mean()), float(scores.mean())
