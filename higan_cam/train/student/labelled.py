"""A user's own pictures with masks of the same names: FOLDER/images/bedroom.jpg and FOLDER/masks/bedroom.png.

The layout is that of the export `sd-scripts` too. A mask is white where the answer is, of the picture's shape; it also
is the heat, since nobody draws that by hand.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from higan_cam.errors import ConfigError
from higan_cam.pictures import Unreadable, decode_picture
from higan_cam.pictures.kinds import looks_like_a_picture
from higan_cam.store.canonical import digest
from higan_cam.train.scorer.reading import problem_of
from higan_cam.train.student.lessons import FULL, Lesson, lesson_of
from higan_cam.types import ByteArray
from higan_cam.weights.files import sha256_of

IMAGES, MASKS = "images", "masks"
_SHOWN = 20


def find_labelled(folder: Path) -> list[tuple[Path, Path]]:
    """(picture, mask) of every name, sorted.

    Raises:
        ConfigError: no such folders, nothing in them, pictures without masks or masks without pictures, names twice,
            files that cannot be read whole.
    """
    images, masks = (_by_name(folder / part) for part in (IMAGES, MASKS))
    alone = sorted(f"{images[name]}: no mask" for name in images.keys() - masks.keys())
    alone += sorted(f"{masks[name]}: no picture" for name in masks.keys() - images.keys())
    pairs = [(images[name], masks[name]) for name in sorted(images.keys() & masks.keys())]
    broken = [f"{path}: {reason}" for pair in pairs for path in pair if (reason := problem_of(path)) is not None]
    if alone or broken:
        raise ConfigError(f"{folder}: {_listed(alone + broken)}")
    if not pairs:
        raise ConfigError(f"{folder}: no pictures; expected {IMAGES}/NAME.jpg and {MASKS}/NAME.png")
    return pairs


def read_labelled(folder: Path, side: int) -> list[Lesson]:
    """The labelled pictures, in the order of their names.

    Raises:
        ConfigError: as `find_labelled`; a mask of another shape than its picture.
    """
    return [_lesson(picture, mask, side) for picture, mask in find_labelled(folder)]


def labelled_fingerprint(folder: Path) -> str:
    """sha256 over names and bytes; raises as `find_labelled`."""
    pairs = find_labelled(folder)
    lines = (f"{path.parent.name}/{path.name} {sha256_of(path)}\n" for pair in pairs for path in pair)
    return digest("".join(lines).encode())


def _by_name(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise ConfigError(f"{folder}: no such folder; expected {IMAGES} and {MASKS} with files of the same names")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if looks_like_a_picture(path.name) and not path.name.startswith("."):
            if path.stem in found:
                raise ConfigError(f"{path}: the name is there twice ({found[path.stem].name}); rename one")
            found[path.stem] = path
    return found


def _lesson(picture: Path, mask: Path, side: int) -> Lesson:
    shown, drawn = read_pair(picture, mask)
    answer = np.asarray(cv2.cvtColor(drawn, cv2.COLOR_RGB2GRAY), np.uint8)
    share = (answer >= (FULL + 1) // 2).astype(np.float32)
    return lesson_of([shown], share, share, side)


def read_pair(picture: Path, mask: Path) -> tuple[ByteArray, ByteArray]:
    """A picture and its mask, (H,W,3) and (h,w,3) RGB, upright, of one shape up to a pixel's rounding.

    Raises:
        ConfigError: a mask of another shape than its picture; a file that cannot be read.
    """
    shown, answer = _decoded(picture), _decoded(mask)
    height, width = shown.shape[:2]
    if abs(height * answer.shape[1] - width * answer.shape[0]) > max(height, width):
        raise ConfigError(
            f"{mask}: {answer.shape[1]} x {answer.shape[0]} px does not have the shape of {picture.name}, "
            f"{width} x {height} px; draw it on the picture itself"
        )
    return shown, answer


def _decoded(path: Path) -> ByteArray:
    """(H,W,3) RGB, upright."""
    found = decode_picture(path.read_bytes())
    if isinstance(found, Unreadable):
        raise ConfigError(f"{path}: cannot be read as a picture ({found.reason}); save it again")
    return found.image


def _listed(lines: list[str]) -> str:
    rest = len(lines) - _SHOWN
    return "\n  ".join(["these cannot be used:", *lines[:_SHOWN], *([f"and {rest} more"] if rest > 0 else [])])
