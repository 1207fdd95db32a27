"""The first half of a run on pictures: picture -> square -> code, with figures and a verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from higan_cam.config import RunConfig
from higan_cam.generate import from_uint8
from higan_cam.invert import (
    Calibration,
    CodeStatistics,
    Encoder,
    HasFeatures,
    Inversion,
    calibrate,
    code_statistics,
    invert_pictures,
    judge_of,
    make_problem,
    method_of,
    placed_affine,
)
from higan_cam.invert.encoder import load_encoder
from higan_cam.pictures import Affine, Picture, PictureRow, Unreadable, fit_square
from higan_cam.pipeline.models import Models, batches
from higan_cam.types import ByteArray, PictureCode
from higan_cam.weights.embedded import EMBEDDED_ENCODERS

Read = Callable[[PictureRow], Picture | Unreadable]


@dataclass(frozen=True, eq=False)
class Inverter:
    """What pictures are inverted with beside the networks; made once per process.

    Attributes:
        calibration: how well the generator draws its own samples, which `auto` thresholds start from; None before that
            is known.
        judge: whose features say how far picture and reconstruction are apart; None: whose the configuration says.
    """

    statistics: CodeStatistics
    encoder: Encoder | None
    calibration: Calibration | None = None
    judge: HasFeatures | None = None


def load_inverter(models: Models, config: RunConfig, calibration: Calibration | None = None) -> Inverter:
    """Statistics of the generator's codes, and the encoder that the configuration names or the generator brings.

    Args:
        calibration: see `Inverter`.

    Raises:
        WeightsError: the encoder's file is none, or another generator's; or a network's that judges.
    """
    statistics = code_statistics(models.generator, device=models.device)
    judge = judge_of(config.invert, models.scorer, str(models.device))
    return Inverter(statistics, encoder_of(models, config), calibration, judge)


def encoder_of(models: Models, config: RunConfig) -> Encoder | None:
    """The network that inversion begins with, on the models' device; None where it begins with none.

    Raises:
        WeightsError: the encoder's file is none.
    """
    named = encoder_name(config)
    return None if named is None else load_encoder(named).to(models.device)


def check_inversion(models: Models, config: RunConfig) -> None:
    """Find what is wrong with how pictures are to be inverted, before any is read.

    Raises:
        ConfigError: an unknown method, recipe or loss, or one that lacks its encoder or a network's file.
        WeightsError: a file that is none, or does not fit; that of the network that judges among them.
    """
    judge_of(config.invert, models.scorer, str(models.device))
    statistics = code_statistics(models.generator, samples=2, device=models.device)
    encoder = encoder_of(models, config)
    method_of(make_problem(models.generator, config.invert, statistics, encoder, models.scorer))


def encoder_name(config: RunConfig) -> str | None:
    """File or name of the encoder of this run: the one it names, or the one that the generator brings."""
    if config.invert.method == "optimise" or config.invert.published is not None:
        return None
    own = config.generator.weights if config.generator.weights in EMBEDDED_ENCODERS else None
    return config.invert.encoder or own


def calibrate_run(models: Models, config: RunConfig) -> Calibration:
    """How well the run's generator draws its own samples again, inverted as the run's pictures will be."""
    used = load_inverter(models, config)
    return calibrate(models.generator, config.invert, used.statistics, used.encoder, models.scorer)


@dataclass(frozen=True, eq=False)
class _Square:
    """A picture in the generator's square: (R,R,3) uint8, where that lies, and what reading said."""

    row: PictureRow
    image: ByteArray
    affine: Affine
    notes: tuple[str, ...]


def invert_unit(
    models: Models, config: RunConfig, inverter: Inverter, rows: Sequence[PictureRow], read: Read
) -> list[PictureCode]:
    """A row for each picture, in order. One picture at a time is held at its own size."""
    codes: dict[int, PictureCode] = {}
    squares: list[_Square] = []
    for row in rows:
        found = read(row)
        if isinstance(found, Unreadable):
            codes[row.index] = _unreadable(models, row, found.reason)
        else:
            image, affine = fit_square(found.image, models.generator.resolution, config.source.fit)
            squares.append(_Square(row, image, affine, found.notes))
    for part in batches(range(len(squares)), config.invert.micro_batch):
        chosen = [squares[number] for number in part]
        codes |= {code.index: code for code in _inverted(models, config, inverter, chosen)}
    return [codes[row.index] for row in rows]


def _inverted(models: Models, config: RunConfig, inverter: Inverter, squares: Sequence[_Square]) -> list[PictureCode]:
    pictures = from_uint8(np.stack([square.image for square in squares])).to(models.device)
    found = invert_pictures(
        models.generator,
        pictures,
        config.invert,
        inverter.statistics,
        inverter.encoder,
        models.scorer,
        calibration=inverter.calibration,
        judge=inverter.judge,
    )
    return [_code(square, found, number) for number, square in enumerate(squares)]


def _code(square: _Square, found: Inversion, number: int) -> PictureCode:
    columns = {
        "psnr": found.psnr,
        "feature_distance": found.feature_distance,
        "score_picture": found.score_picture,
        "score_reconstruction": found.score,
        "code_distance": found.distance,
        "row_spread": found.delta,
        "best_step": found.best_step,
        "steps": found.steps,
    }
    camera = tuple(float(value) for value in found.camera[number])
    return PictureCode(
        index=square.row.index,
        key=square.row.key,
        bytes=square.row.bytes,
        etag=square.row.etag,
        offset=square.row.offset,
        status=found.verdict[number],
        reason=found.reason[number],
        notes=square.notes,
        size=square.affine.size,
        place=_place_in(square.affine, camera),
        camera=camera,
        w_plus=found.w_plus[number],
        figures={name: float(values[number]) for name, values in columns.items()},
    )


def _place_in(square: Affine, camera: tuple[float, ...]) -> tuple[float, float, float]:
    """Where the generator's pixels lie in the picture: through the camera into the square, from there to the photo."""
    zoom, across, down = placed_affine(camera, square.side)
    return zoom * square.scale, square.dx + square.scale * across, square.dy + square.scale * down


def _unreadable(models: Models, row: PictureRow, reason: str) -> PictureCode:
    return PictureCode(
        index=row.index,
        key=row.key,
        bytes=row.bytes,
        etag=row.etag,
        offset=row.offset,
        status="unreadable",
        reason=reason,
        notes=(),
        size=(0, 0),
        place=(1.0, 0.0, 0.0),
        camera=(),
        w_plus=np.zeros((models.generator.num_layers, models.generator.w_dim), np.float32),
        figures={},
    )
