"""A folder in the diffusers library's layout, looked at before anything of it is loaded: what is there, and what not.

Nothing is fetched, no pickle is opened, no code in the folder runs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from higan_cam.errors import WeightsError
from higan_cam.store.canonical import digest
from higan_cam.weights.files import PICKLED, sha256_of
from higan_cam.weights.kinds import known_kind
from higan_cam.weights.paths import exists, expanded

INDEX = "model_index.json"
_SAVED = "expected a folder that diffusers' `save_pretrained(FOLDER, safe_serialization=True)` leaves"
_READ = frozenset({".safetensors", ".json", ".txt", ".model"})
"""How files end that decide what a pipeline draws."""


@dataclass(frozen=True)
class PipelineFolder:
    """A folder of a pipeline, and what its `model_index.json` says.

    Attributes:
        path: absolute.
        kind: name of the pipeline's class.
        parts: name of each part -> name of its class.
        absent: names of parts that it does without.
        options: what else the pipeline is made with.
    """

    path: Path
    kind: str
    parts: Mapping[str, str]
    absent: tuple[str, ...]
    options: Mapping[str, object]


def pipeline_folder(name: str) -> PipelineFolder:
    """The folder of a pipeline, looked through.

    Raises:
        WeightsError: there is no such folder (a hub's name, a file); it has no index, holds code, lacks a part, or
            has a part as a pickle alone.
    """
    folder = _folder(name)
    index = _index(folder)
    code = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.py"))
    kind = index.get("_class_name")
    if code or not isinstance(kind, str):
        raise WeightsError(
            f"{folder}: refused, because it brings code of its own ({', '.join(code[:3]) or kind}), which is not run "
            "here; expected a pipeline whose class is in the diffusers library, and no .py files"
        )
    said = {key: value for key, value in index.items() if not key.startswith("_")}
    named = {key: value for key, value in said.items() if isinstance(value, list) and len(value) == 2}
    parts = {key: str(value[1]) for key, value in named.items() if all(value)}
    for part in parts:
        _check_part(folder, part)
    options = {key: value for key, value in said.items() if key not in named}
    return PipelineFolder(folder, kind, parts, tuple(key for key in named if key not in parts), options)


def adapter_file(name: str) -> Path:
    """The weights of an IP-Adapter: a .safetensors file, or a folder with one.

    Raises:
        WeightsError: no such file or folder, none or several in it, a pickle, or an image encoder as a pickle alone.
    """
    path = expanded(name)
    found = sorted(path.glob("*.safetensors")) if path.is_dir() else [path]
    if not exists(path) or len(found) != 1 or found[0].suffix != ".safetensors":
        held = ", ".join(sorted(each.name for each in path.iterdir())[:5]) if path.is_dir() else path.suffix
        what = f"found {held or 'nothing in it'}" if exists(path) else "there is no such file or folder"
        raise WeightsError(
            f"adapter: {path}: {what}; expected one .safetensors file, or a folder with one, and beside it the folder "
            "image_encoder; name the file where there are several, download it where there is none"
        )
    _check_tensors(found[0])
    if (found[0].parent / "image_encoder").is_dir():
        _check_part(found[0].parent, "image_encoder")
    return found[0]


def folder_digest(folder: Path) -> str:
    """sha256 over the paths and sha256 of every file that decides what the pipeline draws."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in _READ)
    return digest("".join(f"{path.relative_to(folder).as_posix()} {sha256_of(path)}\n" for path in paths).encode())


def _folder(name: str) -> Path:
    path = expanded(name)
    if path.is_dir():
        return path.absolute()
    if exists(path):
        raise WeightsError(
            f"{path}: a file, not a folder; {_SAVED}. Convert a checkpoint of one file with diffusers' "
            "`from_single_file(FILE).save_pretrained(FOLDER)`"
        )
    hub = not path.is_absolute() and name.count("/") == 1 and not name.startswith((".", "~"))
    fix = (
        "it reads like a name on a model hub, and nothing is fetched here: download it, see that its licence suits "
        "you, and name the folder"
        if hub
        else "check the path"
    )
    raise WeightsError(f"{name}: no such folder; {_SAVED}; {fix}")


def _index(folder: Path) -> dict[str, object]:
    path = folder / INDEX
    if not path.is_file():
        deeper = sorted(each.parent.relative_to(folder).as_posix() for each in folder.rglob(INDEX))
        held = ", ".join(sorted(each.name for each in folder.iterdir())[:5]) or "nothing"
        fix = f"did you mean the folder {deeper[0]} in it?" if deeper else "name the folder that has one"
        raise WeightsError(f"{folder}: no {INDEX}, found {held}; {_SAVED}; {fix}")
    try:
        index = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise WeightsError(f"{path}: cannot be read ({error}); expected JSON; download it again") from error
    if not isinstance(index, dict):
        raise WeightsError(f"{path}: expected a JSON object that names a class and its parts, found {index!r:.60}")
    return index


def _check_part(folder: Path, part: str) -> None:
    """Every part of an index has a folder; one that has weights has them as safetensors, whole by their beginning."""
    files = [each for each in (folder / part).glob("*") if each.is_file()]
    if not files:
        raise WeightsError(
            f"{folder}: {INDEX} names {part}, and there is no folder of that name with files in it; {_SAVED}"
        )
    tensors = [each for each in files if each.suffix == ".safetensors"]
    pickles = sorted(each.name for each in files if each.suffix in PICKLED)
    if pickles and not tensors:
        raise WeightsError(
            f"{folder}: refused, because {part} has its weights as a pickle alone ({', '.join(pickles[:3])}), which "
            f"can hold code; expected .safetensors; {_SAVED}: save it so where you trust it"
        )
    for each in tensors:
        _check_tensors(each)


def _check_tensors(path: Path) -> None:
    if known_kind(path) != "safetensors":
        raise WeightsError(f"{path}: a file of torch.save by its beginning; expected safetensors; save it as such")
