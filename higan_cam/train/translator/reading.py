"""What a translator learns from and is tested on: a run's two ends with their masks, or folders of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import cv2
import numpy as np

from higan_cam.errors import ConfigError, DataError
from higan_cam.pictures import Unreadable, fit_square, list_pictures, open_pictures
from higan_cam.publish.exports.source import open_source
from higan_cam.publish.images import decode_image
from higan_cam.publish.reading import fingerprint, read_shard, shard_errors
from higan_cam.store.canonical import digest
from higan_cam.store.store import open_store
from higan_cam.train.student.lessons import FULL, resized
from higan_cam.train.translator.pairs import Stored
from higan_cam.train.translator.settings import TranslatorSettings
from higan_cam.types import ByteArray

COLUMNS = ("negative", "image", "conditioning_image", "status")
LEAST = 2
_SHOWN = 5


@dataclass(frozen=True, eq=False)
class Read:
    """Pairs to learn from, those that are never trained on, and sha256 over all of them."""

    train: Stored
    held_out: Stored
    sha256: str


def read_pairs(settings: TranslatorSettings) -> Read:
    """The pairs of a run, or of folders.

    Of a run: its weak end is off, its strong end on; what is held out is its test split, other latents. Of folders:
    files of one name are a pair; held out are some of the names, evenly spread.

    Raises:
        StoreError: not a run, or a shard that cannot be read.
        ConfigError: a folder that cannot be listed, or names that are not in all folders.
        DataError: too few pairs, pictures that cannot be read, or a pair of two sizes.
    """
    return _of_run(settings) if settings.kind == "run" else _of_folders(settings)


def _of_run(settings: TranslatorSettings) -> Read:
    (uri,) = settings.datasets
    source = open_source(open_store(uri))
    parts = {split: _stored(_rows(source, split, settings.side)) for split in ("train", "test")}
    for split, stored in parts.items():
        if len(stored) < (LEAST if split == "train" else 1):
            raise DataError(
                f"{uri}: {len(stored)} samples with a mask in the {split} split; make more samples, or set "
                "publish.test_fraction"
            )
    return Read(parts["train"], parts["test"], fingerprint(shard.record for shard in source.shards))


def _rows(source: Any, split: str, side: int) -> list[tuple[ByteArray, ByteArray, ByteArray]]:
    found = []
    for shard in source.shards:
        if shard.split != split:
            continue
        for row in read_shard(source.store, shard.record, COLUMNS).to_pylist():
            if row["status"] == "ok":
                with shard_errors(source.store, shard.record):
                    off, on, mask = (resized(decode_image(row[name]["bytes"]), side) for name in COLUMNS[:3])
                found.append((off, on, mask))
    return found


def _of_folders(settings: TranslatorSettings) -> Read:
    folders = [_pictures(place, settings.side) for place in settings.datasets]
    names = sorted(set.intersection(*(set(found) for found in folders)))
    alone = sorted(set.union(*(set(found) for found in folders)) - set(names))
    if alone:
        shown = ", ".join(alone[:_SHOWN])
        raise ConfigError(f"{' and '.join(settings.datasets)}: {len(alone)} names are not in all of them: {shown}")
    apart = max(1, round(settings.apart * len(names)))
    if len(names) < LEAST + apart:
        raise DataError(
            f"{settings.datasets[0]}: {len(names)} pairs, of which {apart} are held out; {LEAST} are needed"
        )
    held = set(np.linspace(0, len(names) - 1, apart).astype(int).tolist())
    rows = [_pair([found[name] for found in folders], name) for name in names]
    learned, tested = ([row for place, row in enumerate(rows) if (place in held) is out] for out in (False, True))
    body = digest(b"".join(part.tobytes() for row in rows for part in row))
    return Read(_stored(learned), _stored(tested), body)


def _pictures(place: str, side: int) -> dict[str, tuple[tuple[int, ...], ByteArray]]:
    """{name without its ending: size, and (S,S,3) the largest square in its middle}.

    ConfigError: a name twice. DataError: one that cannot be read.
    """
    source, found = open_pictures(place), dict[str, tuple[tuple[int, ...], ByteArray]]()
    for row in list_pictures(place):
        picture, name = source.read(row), str(PurePosixPath(row.key).with_suffix(""))
        if isinstance(picture, Unreadable):
            raise DataError(f"{place}: {row.key} cannot be read ({picture.reason}); take it and its partners away")
        if name in found:
            raise ConfigError(f"{place}: {name} is there twice; rename one")
        found[name] = picture.image.shape[:2], fit_square(picture.image, side)[0]
    return found


def _pair(parts: list[tuple[tuple[int, ...], ByteArray]], name: str) -> tuple[ByteArray, ByteArray, ByteArray]:
    """Off, on and mask; a mask of everything where there is none."""
    sizes = {size for size, _ in parts}
    if len(sizes) > 1:
        raise DataError(f"{name}: the pictures of a pair must be of one size, got {sorted(sizes)}")
    off, on, *mask = (picture for _, picture in parts)
    grey = cv2.cvtColor(mask[0], cv2.COLOR_RGB2GRAY) if mask else np.full(off.shape[:2], FULL, np.uint8)
    return off, on, np.asarray(grey, np.uint8)


def _stored(rows: list[tuple[ByteArray, ByteArray, ByteArray]]) -> Stored:
    if not rows:
        none = np.zeros((0, 1, 1, 3), np.uint8)
        return Stored(none, none, none[..., 0])
    off, on, masks = (np.stack(part) for part in zip(*rows, strict=True))
    return Stored(off, on, masks)
