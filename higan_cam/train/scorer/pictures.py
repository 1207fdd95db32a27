"""Pictures that a user has sorted by their lighting: four folders named 0 to 3, or a CSV of path and level."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from higan_cam.errors import ConfigError
from higan_cam.label.lighting import LEVELS
from higan_cam.train.optimise import share_of
from higan_cam.train.settings import World
from higan_cam.types import FloatArray, IntArray

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})
HELD_OUT_OF = 10
"""One picture in so many is held out."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Files and their levels in [0,3], in the order of their names."""

    paths: tuple[Path, ...]
    levels: FloatArray


def find_pictures(source: Path) -> Pictures:
    """The pictures of a folder with the folders 0, 1, 2 and 3, or of a CSV with a line `path,level` each.

    A CSV's relative paths start at its own folder; a first line without a number is a header.

    Raises:
        ConfigError: nothing there, a level out of range, fewer than two levels.
    """
    rows = _from_csv(source) if source.is_file() else _from_folders(source)
    pictures = sorted(rows)
    levels = {level for _, level in pictures}
    if len(levels) < 2:
        raise ConfigError(
            f"--data {source}: {len(pictures)} pictures of {len(levels)} levels; expected two levels or more, in "
            "folders named 0, 1, 2 and 3 or a CSV of path,level"
        )
    return Pictures(tuple(path for path, _ in pictures), np.array([level for _, level in pictures]))


def split_pictures(pictures: Pictures) -> tuple[Pictures, Pictures]:
    """Training pictures and held-out ones, about one in ten: the same ones whatever else joins the folder."""
    order = [hashlib.sha256(f"{path.parent.name}/{path.name}".encode()).digest() for path in pictures.paths]
    held_out = np.array([digest[0] % HELD_OUT_OF == 0 for digest in order])
    if not held_out.any():
        held_out[order.index(min(order))] = True
    return _chosen(pictures, ~held_out), _chosen(pictures, held_out)


def read_pictures(paths: Sequence[Path], side: int) -> Tensor:
    """(N,3,side,side) in [-1,1]: each picture resized whole.

    Raises:
        ConfigError: a file that is no picture.
    """
    images = []
    for path in paths:
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if pixels is None:
            raise ConfigError(f"{path}: cannot be read as a picture; remove it or save it again")
        resized = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA)
        images.append(torch.from_numpy(cv2.cvtColor(resized, cv2.COLOR_BGR2RGB)).permute(2, 0, 1))
    return torch.stack(images).float() / 127.5 - 1


def batch_of(pictures: Pictures, side: int, *, seed: int, step: int, batch: int, world: World) -> tuple[Tensor, Tensor]:
    """This worker's share of a step: images (n,3,side,side), half of them mirrored at random, and (n,) levels.

    Every epoch is a permutation of its own, drawn from (seed, epoch): the same whatever came before a restart.
    """
    share = share_of(batch, world)
    first, count = step * batch + world.rank * share, len(pictures.paths)
    order: dict[int, IntArray] = {}
    chosen = []
    for place in range(first, first + share):
        epoch = place // count
        if epoch not in order:
            order[epoch] = np.random.Generator(np.random.Philox(key=(seed, epoch))).permutation(count)
        chosen.append(int(order[epoch][place % count]))
    images = read_pictures([pictures.paths[index] for index in chosen], side)
    mirrored = np.random.Generator(np.random.Philox(key=(seed, 2**32 + first))).random(share) < 0.5
    images[mirrored] = images[mirrored].flip(-1)
    return images, torch.from_numpy(pictures.levels[chosen]).float()


def _from_folders(source: Path) -> Iterable[tuple[Path, float]]:
    for level in range(LEVELS):
        for path in (source / str(level)).glob("*"):
            if path.suffix.lower() in SUFFIXES:
                yield path, float(level)


def _from_csv(source: Path) -> Iterable[tuple[Path, float]]:
    with source.open(newline="", encoding="utf-8") as file:
        for number, row in enumerate(csv.reader(file), start=1):
            if not row or (number == 1 and len(row) == 2 and not _is_number(row[1])):
                continue
            if len(row) != 2 or not _is_number(row[1]) or not 0 <= float(row[1]) <= LEVELS - 1:
                raise ConfigError(f"{source}, line {number}: expected path,level with a level from 0 to 3, got {row}")
            yield source.parent / row[0], float(row[1])


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _chosen(pictures: Pictures, mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Pictures:
    return Pictures(tuple(np.array(pictures.paths, dtype=object)[mask]), pictures.levels[mask])
