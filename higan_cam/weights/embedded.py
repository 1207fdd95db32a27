"""The embedded weights by name."""

from __future__ import annotations

from pathlib import Path

from higan_cam.errors import WeightsError

_PACKAGE = Path(__file__).resolve().parents[1]


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
