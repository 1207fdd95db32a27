"""Light put into pictures: how bright, how warm, from which lamp (`higan-cam light`)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from higan_cam.config.section import Section


class LightConfig(Section):
    """Of `higan-cam light`: every picture with lamps at its places, at all of these gains and colours."""

    gains: tuple[float, ...] = ()
    """How bright, 0 (off) to 2 (twice); the first one is what the others are compared with. Empty: no light is put."""
    kelvins: tuple[float, ...] = ()
    """Colour temperatures, 1800-12000 K; empty leaves the composer's own. Each goes with each gain."""
    lamps: int = Field(default=1, ge=1, le=9)
    """So many of a picture's first places get a lamp of their own."""
    lamp: str | None = None
    """A picture of a lamp, cut out (PNG with transparency), to be seen at the place; null: its light alone."""
    places: str | None = None
    """An output of `higan-cam recommend` on the same pictures, whose places are taken; null: the student is asked."""
    composer: Literal["cutout", "diffusion"] = "cutout"
    """What puts it there: `cutout` (light of the heat's shape, and a lamp pasted where one is named) or `diffusion` (an
    inpainting pipeline of diffusers, from a folder: `light.settings={folder: PATH}`)."""
    settings: dict[str, Any] = Field(default={})
    """Of the composer: {name: value}; what is not named is its own default."""

    @field_validator("gains")
    @classmethod
    def _gains(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 <= gain <= 2 for gain in value):
            raise ValueError("must be numbers of 0 (off) to 2 (twice the light)")
        return value

    @field_validator("kelvins")
    @classmethod
    def _kelvins(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not all(1800 <= kelvin <= 12000 for kelvin in value):
            raise ValueError("must be colour temperatures of 1800 (warm) to 12000 (cool) kelvin")
        return value
