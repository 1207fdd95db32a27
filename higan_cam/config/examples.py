"""The example configurations that are part of the package, by name."""

from __future__ import annotations

from pathlib import Path

from higan_cam.errors import unknown_name

_PACKAGE = Path(__file__).resolve().parents[1]
_PLACES = (_PACKAGE / "data/configs", _PACKAGE.parent / "data/configs")
"""In an installed wheel, and in a checkout."""


def config_file(name: str | Path) -> Path:
    """The file that `--config NAME` means: a real one of that name, else the example of that name.

    Raises:
        ConfigError: a bare name that is neither, with the nearest example.
    """
    path = Path(name)
    if path.is_file() or len(path.parts) != 1 or path.suffix:
        return path
    examples = {each.stem: each for place in _PLACES for each in sorted(place.glob("*.yaml"))}
    if str(path) not in examples:
        raise unknown_name("--config", str(path), examples)
    return examples[str(path)]
