"""What a segmenter learns from: drawn faces, each with its exact map, or a user's pictures and label maps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor

from higan_cam.errors import ConfigError
from higan_cam.faces import label_map as true_labels
from higan_cam.faces import render
from higan_cam.faces.scene import Z_DIM
from higan_cam.generate.latents import sample_latents
from higan_cam.label.preprocess import Preprocess
from higan_cam.label.segmenters import LabelMap, label_map
from higan_cam.train.distill.latents import held_out_latents
from higan_cam.train.draws import rows_shown
from higan_cam.train.scorer.fit import augment, recolour
from higan_cam.train.segmenter.settings import SegmenterSettings
from higan_cam.train.student.labelled import find_labelled, read_pair
from higan_cam.types import ByteArray

HELD_OUT_OF = 10
"""One of a user's pictures in so many is held out."""
SMALL = 64
"""Every other batch of renders is of this side, brought to the network's where that is larger: generators draw both."""


class Lessons(Protocol):
    """What there is to learn from."""

    def draw(self, places: range) -> tuple[Tensor, Tensor]:
        """(B,3,S,S) in [-1,1] and (B,S,S) uint8 labels: what is shown at these places of training."""
        ...

    def held_out(self, count: int) -> tuple[Tensor, Tensor]:
        """At most so many that are never drawn."""
        ...


@dataclass(frozen=True)
class Renders:
    """Faces that are rendered as they are asked for, each place its own."""

    side: int
    seed: int

    def draw(self, places: range) -> tuple[Tensor, Tensor]:
        """See `Lessons`."""
        z = sample_latents(places, self.seed, Z_DIM)
        small = self.side > SMALL and (places.start // max(1, len(places))) % 2 == 1
        return rendered(z, SMALL if small else self.side, self.side), true_labels(z, self.side)

    def held_out(self, count: int) -> tuple[Tensor, Tensor]:
        """See `Lessons`."""
        z = held_out_latents(count, Z_DIM)
        return render(z, self.side), true_labels(z, self.side)


@dataclass(frozen=True, eq=False)
class Labelled:
    """A user's pictures, (N,3,S,S) uint8, with their labels, (N,S,S) uint8; the last `apart` are held out."""

    pictures: Tensor
    labels: Tensor
    apart: int
    seed: int

    def draw(self, places: range) -> tuple[Tensor, Tensor]:
        """See `Lessons`; none is mirrored."""
        rows = rows_shown(places, len(self.pictures) - self.apart, self.seed)
        return self.pictures[rows].float() / 127.5 - 1, self.labels[rows]

    def held_out(self, count: int) -> tuple[Tensor, Tensor]:
        """See `Lessons`."""
        rows = slice(len(self.pictures) - self.apart, None)
        return self.pictures[rows][:count].float() / 127.5 - 1, self.labels[rows][:count]


def lessons_of(settings: SegmenterSettings) -> Lessons:
    """What the settings name. ConfigError: pictures or label maps that cannot be used."""
    if not settings.pictures:
        return Renders(settings.side, settings.seed)
    return read_labelled(Path(settings.pictures), settings.side, label_map(settings.label_map), settings.seed)


def read_labelled(folder: Path, side: int, classes: LabelMap, seed: int = 0) -> Labelled:
    """The pictures FOLDER/images/NAME.jpg with their label maps FOLDER/masks/NAME.png, whose grey levels are classes.

    Raises:
        ConfigError: pictures without label maps or the reverse, files that cannot be read, a label map of another shape
            than its picture, colours in one, classes that the label map does not have, fewer than two pictures.
    """
    pairs = find_labelled(folder)
    if len(pairs) < 2:
        raise ConfigError(f"{folder}: one picture alone; two or more are needed, since some are held out")
    read = [_read(picture, mask, side, classes) for picture, mask in pairs]
    order = np.random.Generator(np.random.Philox(key=seed)).permutation(len(read))
    pictures, labels = (torch.from_numpy(np.stack([read[i][part] for i in order])) for part in (0, 1))
    apart = max(1, round(len(pairs) / HELD_OUT_OF))
    return Labelled(pictures.permute(0, 3, 1, 2), classes.labels(labels), apart, seed)


def spoilt(pictures: Tensor, strength: float, draws: torch.Generator) -> Tensor:
    """(B,3,S,S) in [-1,1] -> the same, softer, noised, paler and of other brightness at random, as generators draw."""
    shown = recolour(pictures, draws, strength) if strength > 0 else pictures
    order = torch.randperm(len(shown), generator=draws)  # the half that is blurred
    return augment(shown[order], draws)[torch.argsort(order)].clamp(-1, 1)


def rendered(z: np.ndarray, resolution: int, side: int) -> Tensor:
    """Renders at `resolution`, brought to `side` as segmenters bring a picture to theirs."""
    image = render(z, resolution)
    return image if resolution == side else 2 * Preprocess((side, side), (0.0,) * 3, (1.0,) * 3, "bicubic")(image) - 1


def _read(picture: Path, mask: Path, side: int, classes: LabelMap) -> tuple[ByteArray, ByteArray]:
    """(side,side,3) RGB and (side,side) classes."""
    shown, drawn = read_pair(picture, mask)
    sized = np.asarray(cv2.resize(shown, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    return sized, _classes(mask, drawn, side, classes)


def _classes(path: Path, shown: ByteArray, side: int, classes: LabelMap) -> ByteArray:
    if (shown != shown[:, :, :1]).any():
        raise ConfigError(f"{path}: has colours; a label map is a grey PNG whose levels are the classes, 0, 1, 2, ...")
    largest = int(shown.max())
    if largest >= len(classes.parts):
        raise ConfigError(
            f"{path}: has the class {largest}; the label map {classes.name!r} ends at {len(classes.parts) - 1}"
        )
    return np.asarray(cv2.resize(shown[:, :, 0], (side, side), interpolation=cv2.INTER_NEAREST), np.uint8)
