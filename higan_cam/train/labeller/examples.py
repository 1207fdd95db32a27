"""The labelled pictures: drawn again by a run's generator, or read from places with pictures of each label."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from higan_cam.config import RunConfig, config_hash
from higan_cam.errors import ConfigError
from higan_cam.generate import to_uint8
from higan_cam.label.labelled.pictured import drawn_by
from higan_cam.label.labelled.table import listed
from higan_cam.label.preprocess import Preprocess
from higan_cam.pictures import PictureRow, PictureSource, Unreadable, fit_square, list_pictures, open_pictures
from higan_cam.pipeline.devices import models_here
from higan_cam.pipeline.models import batches, w_plus_of
from higan_cam.runtime.remake import with_recorded_weights
from higan_cam.store import open_store, read_run
from higan_cam.store.canonical import digest
from higan_cam.store.run import recorded_config
from higan_cam.train.labeller.labels import check_notes, read_labels
from higan_cam.train.labeller.settings import LabellerSettings
from higan_cam.types import BoolArray, ByteArray
from higan_cam.weights.paths import expanded

log = logging.getLogger(__name__)
_AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class Examples:
    """N labelled pictures, by name.

    Attributes:
        names: index of the latent, or where the picture lies.
        labels: (N,).
        pictures: (side in px) -> (N,side,side,3) uint8, read or drawn when it is called.
        digest: sha256 of the labels and of what they are of.
        unread: {where it lies: reason} of pictures that are left out because they cannot be read.
    """

    names: tuple[str, ...]
    labels: BoolArray
    pictures: Callable[[int], ByteArray]
    digest: str
    unread: Mapping[str, str] = field(default_factory=dict)


def find_examples(settings: LabellerSettings) -> Examples:
    """What the settings name; nothing is drawn yet.

    Raises:
        ConfigError: labels or pictures that cannot be used (all of them in one table), or examples that are no longer
            those of `settings.examples`.
        StoreError: no such run. WeightsError: its weights are not here.
    """
    found = of_run(settings) if settings.from_run else of_places(settings)
    if settings.examples and settings.examples != found.digest:
        raise ConfigError(
            f"{settings.output}: the labels have changed since this training began; choose another output, or restore "
            "them"
        )
    return found


def of_run(settings: LabellerSettings) -> Examples:
    """The labels of a run's latents, which a run on pictures has as well; raises as `find_examples`."""
    store = open_store(settings.run)
    config = recorded_config(store)
    table = expanded(settings.labels)
    labels = read_labels(table, config.label.count)
    check_notes(table, drawn_by(config, read_run(store)["weights"]))
    lines = "".join(f"{index},{int(label)}\n" for index, label in labels.items())
    indices = list(labels)

    def pictures(side: int) -> ByteArray:
        return _drawn(with_recorded_weights(config, read_run(store)), indices, side)

    given = np.array(list(labels.values()), np.bool_)
    return Examples(tuple(map(str, indices)), given, pictures, digest(f"{config_hash(config)}\n{lines}".encode()))


def of_places(settings: LabellerSettings) -> Examples:
    """The pictures of places with one label each; raises as `find_examples`.

    Of the same bytes twice with one label the first counts. What cannot be read is left out.
    """
    found: dict[str, tuple[PictureSource, PictureRow, bool]] = {}
    contradicting: list[str] = []
    unread: dict[str, str] = {}
    for label, places in ((False, settings.negative), (True, settings.positive)):
        for place in places:
            source = open_pictures(place)
            for row in list_pictures(place):
                shown = f"{place}/{row.key}"
                seen = source.read(row)
                if isinstance(seen, Unreadable):
                    unread[shown] = seen.reason
                elif row.etag in found and found[row.etag][2] != label:
                    contradicting.append(
                        f"{shown}: the same picture as {found[row.etag][1].key}, which has the other label"
                    )
                else:
                    found.setdefault(row.etag, (source, row, label))
    if contradicting:
        unusable = [*contradicting, *(f"{shown}: cannot be read as a picture" for shown in unread)]
        raise ConfigError(f"labels: {listed(unusable, 'pictures')}")
    chosen = [found[etag] for etag in sorted(found)]

    def pictures(side: int) -> ByteArray:
        return np.stack([_read(source, row, side) for source, row, _ in chosen])

    lines = "".join(f"{etag} {int(found[etag][2])}\n" for etag in sorted(found))
    names = tuple(row.key for _, row, _ in chosen)
    return Examples(
        names, np.array([label for *_, label in chosen], np.bool_), pictures, digest(lines.encode()), unread
    )


def _drawn(config: RunConfig, indices: Sequence[int], side: int) -> ByteArray:
    """(N,side,side,3) uint8: in eval mode, each from (seed, index) alone, as the label stage draws them."""
    models = models_here(config)
    resize = Preprocess((side, side), (0.5,) * 3, (0.5,) * 3).to(models.device)

    def parts() -> Iterator[ByteArray]:
        for part in batches(indices, _AT_ONCE):
            image, _ = models.generator.synthesize(w_plus_of(models, config, part))
            yield to_uint8(resize(image))

    with torch.inference_mode():
        return np.concatenate(list(parts()))


def _read(source: PictureSource, row: PictureRow, side: int) -> ByteArray:
    """(side,side,3) uint8: the square in the middle, as runs on pictures take it."""
    found = source.read(row)
    if isinstance(found, Unreadable):
        raise ConfigError(f"{source.source}/{row.key}: cannot be read any more ({found.reason}); restore it")
    return fit_square(found.image, side)[0]


def local(path: str) -> str:
    """A path of this machine as any process of it finds it; URIs as they are."""
    return path if "://" in path else str(Path(expanded(path)).resolve())
