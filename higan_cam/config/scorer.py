"""Which network labels the images: the `scorer` section of the configuration."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from higan_cam.config.section import Section

Scalar = str | int | float | bool | None
_UNSET = "rooms"


class ScorerConfig(Section):
    """Which network labels the images. What a scorer has no use for stays null and is no part of the run's identity."""

    name: str = "lighting"
    """lighting (learned), places365 (HiGAN's scene predictor), torchvision, clip, property (of a face, by its parts),
    labelled (of your own labels), custom (a class of your own), or a statistic of the picture without weights:
    luminance, warmth, edge_density or daylight (sky, windows)."""
    weights: str = _UNSET
    """`rooms` or `rooms_second` (embedded, for lighting), a fetched checkpoint by name (`higan-cam weights list`), or
    the path of the network's own file; of property: the segmenter, `faces` (embedded) where none is given; statistics
    do not use it."""
    target: str | None = None
    """What is scored. places365: an attribute (indoor lighting) or category (bedroom), with `attribute:` or `category:`
    before it where both have the name; torchvision: a class by name or number; clip: a prompt; property: eyes, mouth,
    yaw, hair_color, hair_length, background_mean or background_std."""
    against: str | None = None
    """clip: the prompt that stands for little of it."""
    arch: str | None = None
    """places365: wideresnet18 (HiGAN's, the default) or resnet18; torchvision: its name, such as resnet50; clip: a name
    that open_clip knows, such as ViT-B-32, or the path of an open_clip model configuration (.json)."""
    matrix: str | None = None
    """places365: file of the attributes' (102,512) matrix; null: W_sceneattribute_wideresnet18.npy beside `weights`."""
    output: Literal["logit", "probability"] | None = None
    """Classes, prompts and labels: the logit (the default; of two prompts: their difference), or the probability."""
    formula: Literal["ours", "v1", "v2", "v3"] | None = None
    """property: whose formula; null: ours. v1, v2 and v3 (hairstyle) are those of OhLoRA, which have no slope."""
    factory: str | None = None
    """custom: `module:Class`, importable on every worker (PYTHONPATH, or the job's working directory)."""
    arguments: dict[str, Scalar] | None = None
    """custom: keyword arguments of the class; `weights` is one more, where it is set."""
    scale: Literal["own", "quartiles"] | None = None
    """quartiles: those of the run's labels become 0.75, 1.5 and 2.25 on a scale from 0 to 3, so that four levels are
    four quarters; own: scores as the scorer gives them; null: own where that has bounds, else quartiles."""

    @model_validator(mode="before")
    @classmethod
    def _segmenter_of_its_own(cls, values: Any) -> Any:
        """The embedded lighting scorer, which `weights` means where nothing is said, finds no parts of faces."""
        own = isinstance(values, dict) and values.get("name") == "property"
        return {**values, "weights": "faces"} if own and values.get("weights", _UNSET) == _UNSET else values

    @field_validator("target", mode="before")
    @classmethod
    def _number_as_text(cls, value: Any) -> Any:
        """YAML reads the number of a class as an integer."""
        return str(value) if type(value) is int else value

    @model_serializer(mode="wrap")
    def _what_is_set(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in handler(self).items() if value is not None}

    def describe(self) -> str:
        """For reports: `places365 'indoor lighting' (wideresnet18.pth.tar)`."""
        what = self.target or self.factory
        named = f"{self.name} {what!r}" if what else self.name
        reads = self.name == "lighting" or self.weights != _UNSET
        return f"{named} ({self.weights})" if reads else named
