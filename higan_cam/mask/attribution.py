"""The attributions by name. A new one is a callable that fits `types.Attribution` and an entry here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Literal, TypedDict

from higan_cam.config import AttributionConfig
from higan_cam.errors import ConfigError, unknown_name
from higan_cam.mask.activation_difference import ActivationDifference
from higan_cam.mask.grad_cam import WEIGHTINGS, GradCam
from higan_cam.mask.image_difference import ImageDifference
from higan_cam.mask.layer_balance import stored_balance
from higan_cam.mask.light_change import ColourChange, LightChange, LightSteps
from higan_cam.mask.path import Jvp, Path
from higan_cam.mask.student.attribution import StudentHeat
from higan_cam.mask.student.student import load_student
from higan_cam.types import Attribution, Sign

Factory = Callable[[AttributionConfig, tuple[int, ...]], Attribution]


class _Asked(TypedDict, total=False):
    sign: Sign


def _asked(config: AttributionConfig) -> _Asked:
    """The sign where one is asked for; each method has its own otherwise."""
    return {} if config.sign == "auto" else {"sign": config.sign}


def _activation_difference(config: AttributionConfig, layers: tuple[int, ...]) -> Attribution:
    return ActivationDifference(_some(layers, config), config.map_size, **_asked(config))


def _grad_cam(weighting: str, config: AttributionConfig, layers: tuple[int, ...]) -> Attribution:
    return GradCam(WEIGHTINGS[weighting], _some(layers, config), config.map_size, **_asked(config))


ATTRIBUTIONS: Mapping[str, Factory] = {
    "path": lambda config, _layers: Path(config.steps, config.map_size, **_asked(config)),
    "jvp": lambda config, _layers: Jvp(config.map_size, **_asked(config)),
    "activation_difference": _activation_difference,
    "image_difference": lambda config, _layers: ImageDifference(config.map_size, **_asked(config)),
    "light_change": lambda config, _layers: LightChange(config.map_size, **_asked(config)),
    "colour_change": lambda config, _layers: ColourChange(config.map_size, **_asked(config)),
    "light_steps": lambda config, _layers: LightSteps(config.steps, config.map_size, **_asked(config)),
    **{name: partial(_grad_cam, name) for name in WEIGHTINGS},
    "student": lambda config, _layers: StudentHeat(load_student(config.weights or "rooms"), config.map_size),
}
"""Name -> factory(config, tapped generator layers). Methods that tap no layers ignore them."""
Sees = Literal["score", "picture", "features", "nothing"]
SEES: Mapping[str, Sees] = {
    **dict.fromkeys(("path", "jvp", *WEIGHTINGS), "score"),
    **dict.fromkeys(("image_difference", "light_change", "colour_change", "light_steps"), "picture"),
    "activation_difference": "features",
    "student": "nothing",
}
"""Name -> whose change the method maps: the score's, the picture's brightness, that of the generator's features, or
nothing's: a student says where the attribute is, not what the edit does."""
OF_CHANGE = tuple(name for name, sees in SEES.items() if sees != "nothing")
"""Methods that map what an edit changes: swapped ends swap their signs, and their peak is 1."""
_NOWHERE: Mapping[tuple[Sees, Sign], str] = {
    ("score", "positive"): "the edit raises the attribute in no place",
    ("score", "negative"): "the edit lowers the attribute in no place",
    ("score", "both"): "the edit changes the attribute in no place",
    ("picture", "positive"): "the edit brightens no place",
    ("picture", "negative"): "the edit darkens no place",
    ("picture", "both"): "the edit brightens or darkens no place",
    ("features", "positive"): "the generator's features grow in no place",
    ("features", "negative"): "the generator's features shrink in no place",
    ("features", "both"): "the generator's features change in no place",
}


def why_nowhere(config: AttributionConfig) -> str:
    """What a heat map of this method and sign says when it is nowhere positive."""
    sees = SEES[config.name]
    if sees == "nothing":
        return "the student sees the attribute in no place"
    own: Sign = "both" if sees == "picture" else "positive"
    return f"{_NOWHERE[sees, own if config.sign == 'auto' else config.sign]} by more than rounding"


def make_attribution(
    config: AttributionConfig, layers: tuple[int, ...], metrics: Mapping[str, Any] | None = None
) -> Attribution:
    """The attribution that `config.name` asks for, tapping `layers` where the method taps layers.

    Args:
        metrics: of the boundary, which hold what each layer counts where the configuration asks for that. None leaves
            all layers equal, which is what they are measured with.

    Raises:
        ConfigError: an unknown name, a method that taps layers without any, or metrics without measured layers.
    """
    if config.name not in ATTRIBUTIONS:
        raise unknown_name("attribution.name", config.name, ATTRIBUTIONS)
    made = ATTRIBUTIONS[config.name](config, layers)
    if metrics is None or not isinstance(made, GradCam):
        return made
    return replace(made, balance=stored_balance(config, layers, metrics))


def _some(layers: tuple[int, ...], config: AttributionConfig) -> tuple[int, ...]:
    if not layers:
        raise ConfigError(
            f"attribution.layers: {config.name} taps generator layers and got none; "
            "name some, such as '6-11', or edit rows that have layers"
        )
    return layers
