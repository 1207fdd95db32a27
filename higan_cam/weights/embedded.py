"""The embedded networks: one table of what ships, and where its files are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from higan_cam.errors import ConfigError, WeightsError

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Embedded:
    """A network that ships with the package.

    Attributes:
        file: its name in the folder `data`.
        world: whose pictures it draws or knows; a scorer fits the generators of its own world.
        licence: as dataset cards name it.
        note: what a dataset card says of the pictures.
        response: of a generator, the curve in which its pictures show light, a key of `relight.RESPONSES`.
    """

    file: str
    world: str = "rooms"
    licence: str = "mit"
    note: str = ""
    response: str = "srgb"


EMBEDDED_GENERATORS: Mapping[str, Embedded] = {
    "rooms": Embedded(
        "rooms_generator.safetensors",
        note="Images are samples of a toy world of procedural bedrooms, not photographs.",
        response="film",
    ),
    "faces": Embedded(
        "faces_generator.safetensors",
        world="faces",
        note="Images are samples of a toy world of drawn faces: no photographs, and nobody's face.",
    ),
}
"""By what `generator.weights` calls them."""
EMBEDDED_SCORERS: Mapping[str, Embedded] = {
    "rooms": Embedded("rooms_scorer.safetensors"),
    "rooms_second": Embedded("rooms_scorer_second.safetensors"),
}
"""By what `scorer.weights` calls them, for the scorer `lighting`."""
EMBEDDED_ENCODERS: Mapping[str, Embedded] = {"rooms": Embedded("rooms_encoder.safetensors")}
"""By what `generator.weights` calls the generator whose codes they read."""
EMBEDDED_STUDENTS: Mapping[str, Embedded] = {
    "rooms": Embedded("rooms_student.safetensors"),
}
"""By what `load_student` calls them."""
EMBEDDED_SEGMENTERS: Mapping[str, Embedded] = {"faces": Embedded("faces_segmenter.safetensors", world="faces")}
"""By what `load_segmenter` calls them."""
EMBEDDED_TRANSLATORS: Mapping[str, Embedded] = {"rooms": Embedded("rooms_translator.safetensors")}
"""By what `load_translator` calls them."""
EMBEDDED_TEXTS: Mapping[str, Embedded] = {"rooms": Embedded("rooms_text.safetensors")}
"""By what `load_text_model` calls them."""


def knows(network: Embedded, generator: str) -> bool:
    """Whether an embedded scorer, encoder or student knows what a generator draws, by what `generator.weights` says."""
    drawing = EMBEDDED_GENERATORS.get(generator)
    return drawing is not None and drawing.world == network.world


def check_world(network: Embedded | None, generator: str, what: str, instead: str) -> None:
    """Refuse an embedded network for what an embedded generator of another world draws.

    Args:
        network: None where it is not embedded, so that nobody knows what it has learned from.
        generator: what `generator.weights` says.
        what: by which field or option the network is named; `instead`: what to do.

    Raises:
        ConfigError: says both worlds.
    """
    drawing = EMBEDDED_GENERATORS.get(generator)
    if drawing is not None and network is not None and network.world != drawing.world:
        raise ConfigError(
            f"{what}: that embedded network has learned from {network.world}, and generator.weights {generator!r} "
            f"draws {drawing.world}; {instead}"
        )


def drawn_response(generator: str, said: str = "auto") -> str:
    """The curve in which a generator shows light, by what `generator.weights` says; `srgb` where nobody knows. What
    is `said` instead of `auto` holds for any."""
    if said != "auto":
        return said
    drawing = EMBEDDED_GENERATORS.get(generator)
    return "srgb" if drawing is None else drawing.response


def embedded_path(name: str) -> Path:
    """Where an embedded file is: `higan_cam/data` in an installed wheel, the top-level `data` in a checkout.

    Raises:
        WeightsError: it is in neither.
    """
    places = [_PACKAGE / "data" / name]
    if (_PACKAGE.parent / "pyproject.toml").is_file():
        places.append(_PACKAGE.parent / "data" / name)
    for place in places:
        if place.is_file():
            return place
    raise WeightsError(
        f"embedded file {name!r} is not installed; looked in {', '.join(str(place.parent) for place in places)}; "
        "reinstall higan-cam, or give the path of a weights file instead"
    )
