"""The dataset as an inpainter learns from it: unlit picture and mask in, lit picture out.

The unlit picture is the column `negative`, the lit one `image`, the mask `conditioning_image`, here region by region
from `regions`. In a run's pairs all lamps of a room go on together, and where the lamps are shows in the unlit picture
too. A network trained on whole pairs alone lights lamps that nobody pointed at: with an empty mask the scorer's value
rises by 0.72, against 0.01 for one that has also seen parts (500 steps each, on 3,712 rooms). So some examples light
only some of a sample's regions, or none. Their truth is not in the dataset and is composed: every pixel's change is
shared out among the regions by its distance to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from higan_cam.errors import DataError
from higan_cam.mask import decode_rle
from higan_cam.publish import reading
from higan_cam.publish.exports.source import Source, open_source
from higan_cam.publish.images import decode_image
from higan_cam.publish.reading import read_shard, shard_errors
from higan_cam.store.store import Store
from higan_cam.train.inpaint.settings import InpaintSettings
from higan_cam.types import BoolArray, ByteArray, FloatArray

COLUMNS = ("index", "image", "negative", "regions")
REGIONS = 3
"""Most regions of a sample that are kept apart; further ones are left out of the mask."""
HALF = 128
"""From this level on, half of a pixel's area is in a region."""
REACH = 1 / 16
"""How far a region's light reaches into the nearer neighbourhood of another, picture widths."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """N samples of a dataset at S px, about 75 kB each at 64 px.

    Attributes:
        index: (N,) int64, number of the latent. unlit, lit: (N,3,S,S) uint8. regions: (N,3,S,S) uint8, share of each
        pixel's area in each region, 255 is all of it; zeros where there is none. shares: (N,3,S,S) float16, the share
        of each pixel's change that lighting each region alone brings.
    """

    index: Tensor
    unlit: Tensor
    lit: Tensor
    regions: Tensor
    shares: Tensor

    def __len__(self) -> int:
        return len(self.index)

    @property
    def present(self) -> Tensor:
        """(N,3) bool: which regions there are."""
        return self.regions.amax(dim=(2, 3)) > 0


@dataclass(frozen=True, eq=False)
class Examples:
    """What the network sees and should draw: unlit and lit (N,3,S,S) in [-1,1], mask (N,1,S,S) in [0,1]."""

    unlit: Tensor
    mask: Tensor
    lit: Tensor


def read_pairs(store: Store, split: str, size: int) -> Pairs:
    """The samples of a split that have a region, in the order of the shards.

    Raises:
        StoreError: not a run, or a shard that cannot be read.
        DataError: there is no such sample, or the pictures are smaller than `size`.
    """
    source = open_source(store)
    parts = [sample for sample in _samples(source, split, size) if sample["regions"].any()]
    if not parts:
        shards = [shard.split for shard in source.shards].count(split)
        raise DataError(
            f"{store.uri}: no sample with a region in the {split} split ({shards} shards); make more samples"
        )
    stacked = {name: torch.from_numpy(np.stack([part[name] for part in parts])) for name in parts[0]}
    return Pairs(**stacked)


def fingerprint(store: Store) -> str:
    """sha256 over the committed shards of a run: another dataset, another fingerprint.

    Raises:
        StoreError: not a run.
    """
    return reading.fingerprint(shard.record for shard in open_source(store).shards)


def examples(pairs: Pairs, rows: Tensor, chosen: Tensor, flipped: Tensor) -> Examples:
    """The samples at `rows` (B,), lit in the `chosen` (B,3) regions, mirrored left to right where `flipped` (B,).

    Choosing every region gives the dataset's pair itself, choosing none the unlit picture with an empty mask.
    """
    unlit, lit = (_unit(pictures[rows]) for pictures in (pairs.unlit, pairs.lit))
    kept = chosen[:, :, None, None].float()
    mask = (pairs.regions[rows].float() / 255 * kept).amax(dim=1, keepdim=True)
    shares = pairs.shares[rows].float()
    share = (shares * kept).sum(dim=1, keepdim=True) / shares.sum(dim=1, keepdim=True)
    parts = (unlit, mask, torch.lerp(unlit, lit, share))
    mirrored = flipped[:, None, None, None]
    return Examples(*(torch.where(mirrored, part.flip(3), part) for part in parts))


def draw_examples(pairs: Pairs, settings: InpaintSettings, step: int) -> Examples:
    """The whole batch of one training step; the same whatever came before a restart."""
    draws = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
    rows = torch.randint(len(pairs), (settings.batch,), generator=draws)
    chosen = choose_regions(pairs.present[rows], settings, draws)
    return examples(pairs, rows, chosen, torch.rand(settings.batch, generator=draws) < 0.5)


def choose_regions(present: Tensor, settings: InpaintSettings, draws: torch.Generator) -> Tensor:
    """(B,3) which regions there are -> which of them to light: none, some (each with probability 1/2), or all."""
    kind = torch.rand((len(present), 1), generator=draws)
    some = present & (torch.rand(present.shape, generator=draws) < 0.5)
    some = torch.where(some.any(dim=1, keepdim=True), some, present)
    chosen = torch.where(kind < settings.empty + settings.part, some, present)
    return chosen & (kind >= settings.empty)


def region_shares(regions: BoolArray, reach: float) -> FloatArray:
    """(R,S,S) regions -> (R,S,S) shares of each pixel that sum to 1, by distance d (px): exp(-d / reach), normalised.

    Empty regions have share 0; without any region all shares are 0.
    """
    weights = np.zeros(regions.shape, np.float64)
    visible = [number for number, region in enumerate(regions) if region.any()]
    if not visible:
        return weights
    distances = np.stack([cv2.distanceTransform((~regions[n]).astype(np.uint8), cv2.DIST_L2, 5) for n in visible])
    # The nearest region has weight 1: no underflow.
    weights[visible] = np.exp((distances.min(axis=0) - distances) / reach)
    return np.asarray(weights / weights.sum(axis=0))


def _samples(source: Source, split: str, size: int) -> Iterator[dict[str, Any]]:
    for shard in source.shards:
        if shard.split == split:
            for row in read_shard(source.store, shard.record, COLUMNS).to_pylist():
                with shard_errors(source.store, shard.record):
                    unlit, lit = (decode_image(row[name]["bytes"]) for name in ("negative", "image"))
                    areas = [decode_rle(region["rle"]) for region in row["regions"][:REGIONS]]
                yield _sample(row["index"], unlit, lit, areas, size)


def _sample(index: int, unlit: ByteArray, lit: ByteArray, areas: Sequence[ByteArray], size: int) -> dict[str, Any]:
    if min(unlit.shape[:2]) < size:
        raise DataError(f"size: {size} px is more than the dataset's {unlit.shape[0]} px; choose a smaller one")
    regions = np.zeros((REGIONS, size, size), np.uint8)
    for number, area in enumerate(areas):
        reduced = _reduced(area * np.uint8(255), size)
        # One that half fills no pixel is too small to be pointed at.
        regions[number] = reduced if reduced.max() >= HALF else 0
    return {
        "index": np.int64(index),
        "unlit": _reduced(unlit, size).transpose(2, 0, 1),
        "lit": _reduced(lit, size).transpose(2, 0, 1),
        "regions": regions,
        "shares": region_shares(regions >= HALF, REACH * size).astype(np.float16),
    }


def _reduced(picture: ByteArray, size: int) -> ByteArray:
    return np.asarray(cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _unit(pictures: Tensor) -> Tensor:
    return pictures.float() / 127.5 - 1
