"""Finding a class by its name among hundreds."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from higan_cam.errors import ConfigError

SUGGESTIONS = 5


def find_name(field: str, wanted: str, names: Sequence[str]) -> int:
    """Index of the name, whatever its case and whether spaces, hyphens or underscores part its words.

    Raises:
        ConfigError: no such name, with the nearest ones; or several of that name, with their numbers.
    """
    plain = [_plain(name) for name in names]
    numbers = [index for index, name in enumerate(plain) if name == _plain(wanted)]
    if len(numbers) == 1:
        return numbers[0]
    if numbers:
        raise ConfigError(
            f"{field}: {wanted!r} is the name of {len(numbers)} classes; give one of the numbers {numbers}"
        )
    raise ConfigError(f"{field}: unknown name {wanted!r} among {len(names)}{_hint(_plain(wanted), plain, names)}")


def _hint(wanted: str, plain: Sequence[str], names: Sequence[str]) -> str:
    close = difflib.get_close_matches(wanted, plain, n=SUGGESTIONS, cutoff=0.7)
    holding = [name for name in plain if wanted and wanted in name]
    nearest = list(dict.fromkeys([*close, *holding]))[:SUGGESTIONS]
    return f". Did you mean {', '.join(repr(names[plain.index(name)]) for name in nearest)}?" if nearest else ""


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().lower())
