"""Pictures that a user has sorted by their lighting: four folders named 0 to 3, or a CSV of path and level."""

from __future__ import annotations

import csv
import hashlib
import logging
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from higan_cam.errors import ConfigError
from higan_cam.label.lighting import LEVELS
from higan_cam.pictures import Picture, Unreadable, decode_picture
from higan_cam.pictures.kinds import looks_like_a_picture
from higan_cam.pictures.sources.reader import file_content
from higan_cam.store.litter import is_litter, is_litter_folder
from higan_cam.train.draws import rows_shown, stream
from higan_cam.train.optimise import share_of
from higan_cam.train.scorer.reading import unreadable
from higan_cam.train.settings import World
from higan_cam.types import FloatArray
from higan_cam.weights.paths import expanded
from higan_cam.weights.texts import rows_in

log = logging.getLogger(__name__)

_SHOWN = 20
HELD_OUT_OF = 10
"""One picture in so many is held out."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Files and their levels in [0,3], in the order of their names."""

    paths: tuple[Path, ...]
    levels: FloatArray


def checked_pictures(source: Path) -> Pictures:
    """As `find_pictures`, and each is read once: for before the workers start. What is passed over is logged.

    Raises:
        ConfigError: as `find_pictures`; files that are missing, broken off or no pictures, in one table.
    """
    pictures = find_pictures(source)
    problems = unreadable(pictures.paths)
    if problems:
        lines = [f"  {path}  {reason}" for path, reason in list(problems.items())[:_SHOWN]]
        rest = len(problems) - _SHOWN
        raise ConfigError(
            f"--data {source}: {len(problems)} of {len(pictures.paths)} pictures cannot be used; take them out, or "
            "save them again:\n" + "\n".join([*lines, *([f"  and {rest} more"] if rest > 0 else [])])
        )
    passed_over = _passed_over(source) if source.is_dir() else []
    if passed_over:
        log.warning("data=%s pictures=%d passed over: %s", source, len(pictures.paths), ", ".join(passed_over))
    return pictures


def find_pictures(source: Path) -> Pictures:
    """The pictures of a folder with the folders 0, 1, 2 and 3, or of a CSV with a line `path,level` each.

    A CSV's relative paths start at its own folder; a first line without a number is a header. It may be in any encoding
    and separated by commas, semicolons or tabs.

    Raises:
        ConfigError: nothing there, a table that cannot be read, a level out of range, fewer than two levels.
    """
    if not source.exists():
        raise ConfigError(f"--data {source}: no such folder or CSV; check the path")
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
        ConfigError: a file that is no picture, or not a whole one.
    """
    images = [cv2.resize(_read(path).image, (side, side), interpolation=cv2.INTER_AREA) for path in paths]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1


def batch_of(pictures: Pictures, side: int, *, seed: int, step: int, batch: int, world: World) -> tuple[Tensor, Tensor]:
    """This worker's share of a step: images (n,3,side,side), half of them mirrored at random, and (n,) levels."""
    share = share_of(batch, world)
    first, count = step * batch + world.rank * share, len(pictures.paths)
    chosen = rows_shown(range(first, first + share), count, seed)
    images = read_pictures([pictures.paths[index] for index in chosen], side)
    mirrored = stream(seed, 2**32 + first).random(share) < 0.5
    images[mirrored] = images[mirrored].flip(-1)
    return images, torch.from_numpy(pictures.levels[chosen]).float()


def _read(path: Path) -> Picture:
    content = file_content(path)
    found = content if isinstance(content, Unreadable) else decode_picture(content)
    if isinstance(found, Unreadable):
        raise ConfigError(f"{path}: cannot be read as a picture ({found.reason}); take it out, or save it again")
    return found


def _from_folders(source: Path) -> Iterable[tuple[Path, float]]:
    for level in range(LEVELS):
        for path in (source / str(level)).glob("*"):
            if looks_like_a_picture(path.name) and not _is_litter(path):
                yield path, float(level)


def _passed_over(source: Path) -> list[str]:
    """What lies in the folder and is not trained on, counted: other kinds of files, folders that are no level."""
    counts: Counter[str] = Counter()
    for level in range(LEVELS):
        for path in (source / str(level)).glob("*"):
            if path.is_dir():
                counts[f"folders in {level}/"] += 1
            elif not looks_like_a_picture(path.name) and not _is_litter(path):
                counts[path.suffix.lower() or "without a suffix"] += 1
    levels = {str(level) for level in range(LEVELS)}
    for path in source.glob("*"):
        if path.name not in levels and not _is_litter(path):
            counts[f"the folder {path.name}" if path.is_dir() else "files beside the folders 0 to 3"] += 1
    return [name if name.startswith("the folder") else f"{count} {name}" for name, count in sorted(counts.items())]


def _is_litter(path: Path) -> bool:
    return is_litter_folder(path.name) or is_litter(path.name, path.stat().st_size if path.is_file() else 0)


def _from_csv(source: Path) -> Iterable[tuple[Path, float]]:
    try:
        with source.open("rb") as file, closing(rows_in(file)) as rows:
            lines = list(rows)
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError(f"--data {source}: the table cannot be read ({error})") from error
    for number, row in lines:
        level = row[1].replace(",", ".") if len(row) == 2 else ""  # as half of Europe writes it
        if number == 1 and len(row) == 2 and not _is_number(level):
            continue
        if not row[0] or not _is_number(level) or not 0 <= float(level) <= LEVELS - 1:
            raise ConfigError(f"{source}, line {number}: expected path,level with a level from 0 to 3, got {row}")
        yield source.parent / expanded(row[0]), float(level)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _chosen(pictures: Pictures, mask: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Pictures:
    return Pictures(tuple(np.array(pictures.paths, dtype=object)[mask]), pictures.levels[mask])
