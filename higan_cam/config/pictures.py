"""What is asked of pictures: the code of each, a student's places, light put there."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from higan_cam.config.section import Section
from higan_cam.types import Precision

Threshold = Annotated[float, Field(gt=0)] | Literal["auto"]


class InvertConfig(Section):
    """From a picture to the code that a generator draws it from."""

    method: str = "hybrid"
    """encoder (a network's first guess), optimise (descent from the mean code) or hybrid (descent from the guess)."""
    encoder: str | None = None
    """File of a trained encoder, or `rooms` (embedded); null: the generator's own, where one is embedded."""
    steps: int | None = Field(default=None, ge=0, le=100_000)
    """Updates per picture at most; null: 25 for hybrid, 300 for optimise."""
    rate: float | None = Field(default=None, gt=0, le=10)
    """Adam's rate, in standard deviations of a code's coordinate; null: 0.1, and for a published one its own."""
    losses: dict[str, float] = Field(default={"pixel": 1.0, "delta": 0.01})
    """Weights by name, such as pixel, light, features (the scorer's), features:vgg16, lpips:alex, total_variation,
    prior (distance from the mean code), delta (of rows from their mean)."""
    networks: dict[str, str] = Field(default={})
    """Files of the networks that losses look through: vgg16, alexnet, lpips_vgg, lpips_alex, efficientnet_lite0. The
    last one also says how far picture and reconstruction are apart where the scorer has no features."""
    start: Literal["mean", "random"] = "mean"
    """Where optimise begins: the mean code, or codes of random latents; in a generator without a w always those."""
    starts: int = Field(default=1, ge=1, le=64)
    """Descents per picture, of which the best is kept; those after the first begin at random codes."""
    patience: int | None = Field(default=50, ge=1)
    """optimise: a picture stops after so many steps without half a percent of gain; null: never."""
    micro_batch: int = Field(default=16, ge=1)
    """Pictures that descend together. Part of the result: floating-point sums may depend on it."""
    align: bool = True
    """Solve for camera (shift, zoom) and exposure of each picture along with its code."""
    camera: float = Field(default=0.001, ge=0)
    """Weight of the camera's distance from the generator's own, in typical deviations of photos."""
    precision: Precision = "bfloat16"
    """Of the generator's products while codes descend; what is judged is drawn in `generator.precision`."""
    poor: Literal["skip", "mask"] = "skip"
    """What becomes of a picture that the generator cannot draw: no mask, or one all the same."""
    min_psnr: Threshold = "auto"
    """dB that a reconstruction has at least; `auto`: measured on the generator's own samples."""
    max_feature_distance: Threshold = "auto"
    """How far the scorer's features of picture and reconstruction may lie apart; `auto`: likewise."""
    published: str | None = None
    """higan_dev, image2stylegan, encoder_notebook or projector: that optimiser as it was published, in place of all of
    the above but `networks`, `steps`, `rate`, `micro_batch` and `precision`."""

    @field_validator("losses")
    @classmethod
    def _some_loss(cls, value: dict[str, float]) -> dict[str, float]:
        if not value or any(weight < 0 for weight in value.values()) or not any(value.values()):
            raise ValueError("must be weights >= 0 by name, one of them above 0")
        return value


class StudentConfig(Section):
    """Which network says at once where the attribute would go in a picture (`higan-cam recommend`)."""

    weights: str = "rooms"
    """`rooms` (embedded), or a file that `jobs/train_student.py` left."""
    bank: str | None = None
    """Of `recommend --absent`: a run with masks of the student's attribute. A picture is then told where its most
    similar samples have heat and it is not lit: where it could be that it is not. Null: where it is."""


class UpscaleConfig(Section):
    """Every picture larger, by a network that has learned what small ones lack (`higan-cam upscale`)."""

    weights: str | None = None
    """File of `higan-cam train upscaler`, or of a published network that spandrel reads; null: nothing is enlarged."""
    tile: int = Field(default=256, ge=16, le=4096)
    """Side of the pieces that it looks at, px of the small picture, without what it is shown around each."""
    shard_size: int = Field(default=4, ge=1)
    """Pictures per shard (one Parquet file, one unit of work), in place of `mask.shard_size`: larger photographs
    take long, and a shard is in memory until it is whole."""


class LightConfig(Section):
    """Every picture with lamps at its places, at all of these gains and colours: of `higan-cam light`, and of a run.

    A run takes `gains`, `kelvins`, `lamps` and `response` alone: its lamps are those of its regions, whose light is its
    own edit's.
    """

    gains: tuple[float, ...] = ()
    """How bright, 0 (off) to 2 (twice); the first one is what the others are compared with. Empty: no light is put."""
    kelvins: tuple[float, ...] = ()
    """Colour temperatures, 1800-12000 K; empty leaves the composer's own. Each goes with each gain."""
    lamps: int = Field(default=1, ge=1, le=9)
    """So many of a picture's first places get a lamp of their own; in a run so many lamps of its regions are turned."""
    lamp: str | None = None
    """A picture of a lamp, cut out (PNG with transparency), to be seen at the place; null: its light alone."""
    places: str | None = None
    """An output of `higan-cam recommend` on the same pictures, whose places are taken; null: the student is asked. With
    `pair`: the run on these pictures."""
    masks: str | None = None
    """In place of `places`: where the lamp is in each picture, all of its mask at once: pictures of the same names and
    sizes, white there and black or transparent elsewhere (of a row of a Parquet file: `FILE.parquet#ROW.png`); or a
    finished output of `recommend`, or run, on the same pictures."""
    composer: Literal["cutout", "diffusion", "pair", "translator"] = "cutout"
    """What puts it there: `cutout` (light of the heat's shape, and a lamp pasted where one is named), `diffusion` (an
    inpainting pipeline of diffusers, from a folder: `light.settings={folder: PATH}`), `pair` (the light of the edit
    that a run has made of each picture, which it has inverted) or `translator` (a network's light:
    `light.settings={weights: FILE}`)."""
    settings: dict[str, Any] = Field(default={})
    """Of the composer: {name: value}; what is not named is its own default."""

    response: Literal["auto", "srgb", "film"] = "auto"
    """What levels mean in a run's pictures and in those of `pair`: `srgb` (as files say), `film` (bright light is
    compressed) or `auto`: the curve that the run's generator draws in, where it is an embedded one, else srgb."""

    @field_validator("gains")
    @classmethod
    def _gains(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 <= gain <= 2 for gain in value):
            raise ValueError("must be numbers of 0 (off) to 2 (twice the light)")
        if value and not any(value):
            raise ValueError("must name a gain above 0 at least; 1 is the light as it is")
        return value

    @field_validator("kelvins")
    @classmethod
    def _kelvins(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not all(1800 <= kelvin <= 12000 for kelvin in value):
            raise ValueError("must be colour temperatures of 1800 (warm) to 12000 (cool) kelvin")
        return value
