"""Which pictures of a listing show one place with a lamp off and on, by the names that sets of such pairs give them.

None of the sets was at hand. What is read and what is assumed of each:

- `off-on`: folders `off` and `on` with files of one name, whatever the endings. No set's; for one's own pictures.
- `lonoff` (Cui et al. 2022, Local Relighting of Real Scenes). Read in their loader and evaluation (github.com/
  audreycui/relighting): folders `test_A` and `test_B`; a name in `test_B` has four characters before that in `test_A`.
  Assumed: A is off and B on, and names may also be equal, as in sets of pix2pix, whose loader this is.
- `3dlp` (2606.26738, Do Image Editing Models Understand Lighting?). Read on its dataset's card: folders `main` and
  `preview` (both states side by side in one picture), places named `location_3`, `scene_4`, `view_1`; on its project's
  page: names that end in `_off` and `_on`. Assumed: also in `main` two files differ in the word `off` or `on` alone,
  in the name or in a folder. Its HDR files need to be saved as PNG first: they are of no kind that is read here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Literal

NamedPair = tuple[str | None, str | None]
"""Keys of the pictures with the lamp off and on; None where there is none."""
Role = tuple[Literal["off", "on"], tuple[str, ...]]
"""What a picture is, and names of the place, of which one is its partner's: the likelier first."""
_STATE = re.compile(r"(?<![a-z0-9])(off|on)(?![a-z0-9])", re.IGNORECASE)
_PREFIX = 4
"""Characters that names in Lonoff's `test_B` have before those in `test_A`."""


def _off_on(key: str) -> Role | None:
    folders, stem = _parts(key)
    for place in reversed(range(len(folders))):
        state = folders[place].lower()
        if state in ("off", "on"):
            name = "/".join([*folders[:place], *folders[place + 1 :], stem])
            return ("on" if state == "on" else "off"), (name,)
    return None


def _lonoff(key: str) -> Role | None:
    folders, stem = _parts(key)
    if not folders or folders[-1][-2:] not in ("_A", "_B"):
        return None
    phase = "/".join([*folders[:-1], folders[-1][:-2]])
    if folders[-1].endswith("_A"):
        return "off", (f"{phase}/{stem}",)
    return "on", (f"{phase}/{stem}", f"{phase}/{stem[_PREFIX:]}")


def _three_dlp(key: str) -> Role | None:
    folders, stem = _parts(key)
    name = "/".join([*folders, stem])
    states = list(_STATE.finditer(name))
    if not states or "preview" in folders:
        return None
    start, end = states[-1].span()
    return ("on" if states[-1][0].lower() == "on" else "off"), (f"{name[:start]}*{name[end:]}",)


def _parts(key: str) -> tuple[list[str], str]:
    """Folders and the file's name without its ending."""
    *folders, name = key.split("/")
    return folders, name.rpartition(".")[0] or name


def _paired(role_of: Callable[[str], Role | None], keys: Sequence[str]) -> list[NamedPair]:
    roles = [(key, role) for key in keys if (role := role_of(key)) is not None]
    offs = {role[1][0]: key for key, role in reversed(roles) if role[0] == "off"}  # of equal names the first
    pairs: list[NamedPair] = []
    for key, (state, names) in roles:
        if state == "on":
            pairs.append((next((offs[name] for name in names if name in offs), None), key))
    taken = {off for off, _ in pairs}
    return pairs + [(key, None) for key, (state, _) in roles if state == "off" and key not in taken]


LAYOUTS: Mapping[str, Callable[[Sequence[str]], list[NamedPair]]] = {
    "off-on": partial(_paired, _off_on),
    "lonoff": partial(_paired, _lonoff),
    "3dlp": partial(_paired, _three_dlp),
}
"""Keys of a listing -> its pairs in order of the lit pictures, and then what has no partner; other files are in none.
Several lit pictures may have one unlit partner."""
