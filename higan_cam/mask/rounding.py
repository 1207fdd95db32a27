"""What is change and what is rounding: below these floors a map holds nothing that the edit did.

Maps are scaled to a peak of 1, whatever the peak was. So that rounding does not become a region, it is taken out first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from higan_cam.types import Precision

SHARE = 2.0**-13
"""Of the magnitudes that a map is a difference of: what float32 sums over channels and layers may be wrong by, and to
spare. Pairs whose codes differ by 1e-6 have maps of 1e-6 of it (embedded generator), those of real edits 0.3 to 1."""
LEVEL = 2 / 255
"""One level of an 8-bit picture, for values in [-1,1]."""
MARGIN = 2.0
"""Over the largest change by rounding among a few samples, for all the others: in bfloat16 1.5 levels among the first 4
samples, 2.9 among the first 192 (embedded generator)."""
LEVELS: Mapping[Precision, float] = {"float32": 1.0, "tf32": 1.0, "bfloat16": 4.0}
"""By the layers' products: the change of a picture, in levels, up to which an edit cannot be told from rounding, where
no run has measured its own (`pipeline.floor`). An 8-bit picture is rounded by one level; pairs that differ by 1e-6 to
1e-3 code units differ by 0.4 levels in float32 and by up to 2.7 in bfloat16 (embedded generator)."""


def beyond_rounding(maps: Tensor, magnitudes: Tensor) -> Tensor:
    """(N,H,W) maps >= 0 -> the same, zero where the peak is at most `SHARE` of the largest of |`magnitudes`|.

    Args:
        magnitudes: (N,…), what the maps were made of. NaN on either side leaves the map as it is.
    """
    floor = SHARE * magnitudes.abs().flatten(1).amax(dim=1)
    return _where_more(maps, maps.amax(dim=(1, 2)), floor)


def picture_change(negative: Tensor, positive: Tensor) -> Tensor:
    """(N,3,H,W) images of both ends in [-1,1], clamped -> (N,) largest change of any value."""
    return (positive.clamp(-1, 1) - negative.clamp(-1, 1)).abs().amax(dim=(1, 2, 3))


def levels_of_rounding(changes: Tensor) -> int:
    """(N,) `picture_change` of pairs in which nothing changed -> the floor in levels, whole and at least 1.

    `MARGIN` times the largest. Rounded up: pictures that are x levels apart are up to ceil(x) apart once they are
    8-bit. Pairs with NaN, which say nothing, are left out.
    """
    largest = float(changes.nan_to_num(nan=0.0).max()) / LEVEL
    return max(1, math.ceil(MARGIN * largest))


def where_pictures_change(maps: Tensor, change: Tensor, levels: float = 1.0) -> Tensor:
    """(N,H,W) maps -> the same, zero where the picture's (N,) `picture_change` is at most that many 8-bit levels.

    The published pictures of such a pair differ as those of one and the same code may. NaN leaves the map as it is.
    """
    return _where_more(maps, change, torch.full_like(change, levels * LEVEL))


def _where_more(maps: Tensor, value: Tensor, floor: Tensor) -> Tensor:
    # A comparison with NaN is false: what is broken stays visible as that.
    return maps.masked_fill((value <= floor)[:, None, None], 0)
