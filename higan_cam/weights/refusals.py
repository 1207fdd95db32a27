"""What a pickle holds that torch will not read without running code, and where: `numpy.float64 at best_fid`."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from higan_cam.weights.inert_pickle import Call, Global, survey_pickle

MOST_BYTES = 1 << 26
"""A pickle that is looked at; the tensors lie beside it."""
_PLAIN = re.compile(
    r"persistent id|collections\.(OrderedDict|defaultdict|Counter)|argparse\.Namespace"
    r"|torch\.(Size|device|dtype|Tensor)"
    r"|torch\._utils\._rebuild_\w+|torch\.(nn\.parameter\.Parameter|serialization\._get_layout|\w+Storage|\w+Tensor)"
    r"|torch\.(bfloat16|half|u?int\d+|float\d*|double|bool|long)|_codecs\.encode|(builtins|__builtin__)\.(set|bytearray)"
)
"""What torch reads with weights_only=True."""
_LEGACY_PICKLES = 3
"""Magic number, protocol and system of a file of torch.save's older format, each a pickle, before the checkpoint's."""
_SCALAR = re.compile(r"numpy\.(_?core)\.multiarray\.scalar")
_KINDS = {"f": "float", "i": "int", "u": "uint", "c": "complex"}
_SHOWN = 3


def foreign_objects(path: Path) -> list[str]:
    """Up to 3 of `numpy.float64 at best_fid`; empty where nothing is found, or the pickle cannot be followed."""
    try:
        root = _checkpoint(path)
    except (OSError, ValueError, zipfile.BadZipFile, KeyError, NotImplementedError, RuntimeError):
        return []
    foreign = []
    for where, name in _walked(root):
        foreign.append(f"{name} at {where or 'the top'}")
        if len(foreign) == _SHOWN:
            break
    return foreign


def _checkpoint(path: Path) -> object:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            entry = next(each for each in archive.infolist() if each.filename.rpartition("/")[2] == "data.pkl")
            if entry.file_size > MOST_BYTES:
                raise ValueError("a pickle too large to look at")
            return survey_pickle(io.BytesIO(archive.read(entry)))
    with path.open("rb") as file:
        stream = io.BytesIO(file.read(MOST_BYTES))
    root = survey_pickle(stream)
    if isinstance(root, int):  # the magic number
        for _ in range(_LEGACY_PICKLES):
            root = survey_pickle(stream)
    return root


def _walked(root: object) -> Iterator[tuple[str, str]]:
    """(dotted key, name) of every object that is neither plain nor a tensor's; each record once."""
    waiting: list[tuple[str, object]] = [("", root)]
    seen: set[int] = set()
    while waiting:
        where, value = waiting.pop()
        if id(value) in seen:
            continue
        if isinstance(value, dict | list | tuple | Call):
            seen.add(id(value))
        if isinstance(value, Global) and not _PLAIN.fullmatch(value.name):
            yield where, _shown(value.name)
        if isinstance(value, Call):
            name = _name(value)
            if not _PLAIN.fullmatch(name):
                yield where, _shown(name)
                continue
            inner: list[tuple[str, object]] = [(where, each) for each in (*value.arguments, value.state)]
        elif isinstance(value, dict):
            inner = [(f"{where}.{key}" if where else key, each) for key, each in value.items()]
        elif isinstance(value, list | tuple):
            inner = [(f"{where}.{number}" if where else str(number), each) for number, each in enumerate(value)]
        else:
            continue
        waiting += reversed(inner)


def _name(call: Call) -> str:
    """A numpy number by its type, anything else by what would be called."""
    kind = call.arguments[0] if call.arguments else None
    if _SCALAR.fullmatch(call.function) and isinstance(kind, Call) and kind.arguments:
        match = re.fullmatch(r"([fiuc])(\d{1,2})", str(kind.arguments[0]))
        return f"numpy.{_KINDS[match[1]]}{8 * int(match[2])}" if match else "a number of numpy's"
    if call.function in {"copyreg._reconstructor", "copy_reg._reconstructor"} and isinstance(kind, Global):
        return kind.name
    if call.function.endswith("multiarray._reconstruct"):
        return "numpy.ndarray"
    return call.function


def _shown(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name)[:80]
