"""What a user writes for a file: ~ expanded, one network of several named, and why nothing is there."""

from __future__ import annotations

import re
from pathlib import Path

from higan_cam.errors import WeightsError

SEPARATOR = "#"
"""`FILE#NAME` is the network NAME of a file that holds several."""
TRAINED = "generator.safetensors"
"""What training a generator leaves in its output; naming that folder names this file."""
DISCRIMINATOR = "discriminator.safetensors"
"""And beside it."""
LABELLER = "labeller.safetensors"
"""What training a labeller leaves in its output; naming that folder names this file."""
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)


def expanded(path: str | Path) -> Path:
    """The path with a leading `~` or `~user` as the home folder; unknown users stay as they are written."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def in_training_output(path: Path) -> Path:
    """The generator or labeller that a training run finished in this folder; any other path as it is."""
    return next((path / name for name in (TRAINED, LABELLER) if exists(path / name)), path)


def split_network(name: str) -> tuple[str, str | None]:
    """`FILE#NAME` -> (FILE, NAME); (name, None) where no network is named, or where `#` belongs to the path."""
    file, separator, network = name.rpartition(SEPARATOR)
    if not separator or not file or "/" in network or exists(expanded(name)):
        return name, None
    return file, network


def with_network(file: str | Path, name: str) -> str:
    """Another file in place of that of `FILE#NAME`; the network that is named stays."""
    _, network = split_network(name)
    return str(file) if network is None else f"{file}{SEPARATOR}{network}"


def exists(path: Path) -> bool:
    """As `Path.exists`, and False for what no file can be called, or where nobody may look."""
    try:
        return path.exists()
    except OSError:
        return False


def check_there(path: Path, what: str = "weights file") -> None:
    """Return where the path is a file.

    Raises:
        WeightsError: says what stands in the way: nothing there, a folder, an address, a variable that nobody expands.
    """
    try:
        file, folder = path.is_file(), path.is_dir()
    except OSError as error:
        raise WeightsError(f"{str(path)[:200]}: cannot be read ({error.strerror}); check the path") from error
    if file:
        return
    if folder:
        names = sorted(each.name for each in path.iterdir() if each.is_file() and not each.name.startswith("."))
        inside = f" (it has {', '.join(names[:5])})" if names else " (it is empty)"
        raise WeightsError(f"{path}: a folder, not a {what}; name a file in it{inside}")
    reason = "check the path, or fetch it with `higan-cam weights fetch`"
    if _ADDRESS.match(str(path)):
        reason = "this is an address, and weights are read from files on this machine; download it and name the file"
    elif "$" in str(path) or str(path).startswith("~"):
        reason = "variables and unknown users' ~ are not expanded here; write the path out"
    raise WeightsError(f"{path}: no such {what}; {reason}")
