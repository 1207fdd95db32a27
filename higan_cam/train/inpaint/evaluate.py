"""What an inpainter is worth on the test split: does light come where the mask says, wherever that is?

The same rooms are relit with four masks: their own; one of another room, placed elsewhere; a disc, placed elsewhere;
and none. Beside the network stand the truth (own mask only: no other picture of these rooms exists), the unlit picture
as it is, and the unlit picture with a constant added under the mask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.errors import DataError
from higan_cam.label import load_scorer
from higan_cam.train.inpaint.data import Pairs, examples
from higan_cam.train.inpaint.measures import (
    largest_gain,
    luminance_gain,
    mean_figures,
    mean_within,
    picture_psnr,
    ratio,
)
from higan_cam.train.inpaint.model import Inpainter
from higan_cam.types import Scorer

BATCH = 32
SCORER_SIDE = 128
ELSEWHERE = 0.1
"""Most of the own mask, and of the other one, that both may share for the other to count as elsewhere."""
DISC_RADIUS = 1 / 8
"""Picture widths."""
Painter = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(unlit (N,3,S,S), mask (N,1,S,S), index (N,)) -> relit (N,3,S,S)."""


@dataclass(frozen=True, eq=False)
class Scene:
    """The test samples: pictures (N,3,S,S) in [-1,1], masks {kind: (N,1,S,S) in [0,1]}, index (N,)."""

    index: Tensor
    unlit: Tensor
    truth: Tensor
    masks: dict[str, Tensor]

    def __len__(self) -> int:
        return len(self.index)


def held_out_scene(pairs: Pairs, most: int) -> Scene:
    """The first `most` samples for which another's mask lies elsewhere; with their four masks.

    Raises:
        DataError: there is no such sample.
    """
    rows = torch.arange(len(pairs))
    every = examples(pairs, rows, pairs.present, torch.zeros(len(pairs), dtype=torch.bool))
    others = [other_place(every.mask, row) for row in range(len(pairs))]
    if not any(other is not None for other in others):
        raise DataError(f"none of {len(pairs)} test samples has another's mask elsewhere; make more samples")
    kept = torch.tensor([row for row, other in enumerate(others) if other is not None][:most], dtype=torch.long)
    own, other = every.mask[kept], every.mask[[others[row] or 0 for row in kept.tolist()]]
    discs = [disc_elsewhere(mask, int(index)) for mask, index in zip(own, pairs.index[kept], strict=True)]
    masks = {"own": own, "moved": other, "disc": torch.stack(discs), "empty": torch.zeros_like(own)}
    return Scene(pairs.index[kept], every.unlit[kept], every.lit[kept], masks)


def other_place(masks: Tensor, row: int) -> int | None:
    """The next sample, in circles, whose mask shares almost nothing with that of `row`; None where there is none."""
    own = masks[row] >= 0.5
    for step in range(1, len(masks)):
        other = (row + step) % len(masks)
        if is_elsewhere(own, masks[other] >= 0.5):
            return other
    return None


def is_elsewhere(own: Tensor, other: Tensor) -> bool:
    """Whether two masks, bool, share no more than a tenth of either."""
    return bool((own & other).sum() <= ELSEWHERE * min(own.sum(), other.sum()))


def disc_elsewhere(own: Tensor, index: int) -> Tensor:
    """(1,S,S) mask -> (1,S,S) a disc of 1/8 width at a random place, seeded by the index, that misses the mask.

    Of up to 100 random places the first that does; where the mask leaves none, the one that touches it least.
    """
    side = own.shape[-1]
    radius = DISC_RADIUS * side
    draws = torch.Generator().manual_seed(index)
    centres = radius + torch.rand((100, 2), generator=draws) * (side - 2 * radius)
    grid = torch.arange(side) + 0.5
    rows, columns = centres[:, 0, None, None] - grid[None, :, None], centres[:, 1, None, None] - grid[None, None, :]
    discs = rows.square() + columns.square() <= radius**2
    touched = (discs & (own >= 0.5)).sum(dim=(1, 2))
    return discs[int(touched.argmin())][None].float()  # argmin: the first of the least


def evaluate(network: Inpainter, scene: Scene, light: Tensor) -> list[dict[str, Any]]:
    """One row of figures per (picture, mask); `light` (3,) is what the constant adds under the mask, on [-1,1].

    Each row: `picture`, `mask`, and figures (value, low, high): `inside` and `outside`, mean gain of luminance in the
    mask and out of it; `ratio` of the two; `own_place`, gain where the own mask is and the other is not; `largest` gain
    of any 5 x 5 square; `largest_inside`, share of pictures where it lies in the mask; `score_change`; and with the own
    mask `l1` (on [0,1]) and `psnr` (dB) to the truth.
    """
    scorer = load_scorer()
    return [
        {"picture": picture, "mask": kind, **_figures(scene, kind, lit, scorer)}
        for picture, kind, lit in _relit(network, scene, light)
    ]


def mean_light(pairs: Pairs) -> Tensor:
    """(3,) mean change of colour, on [-1,1], over all pixels under the masks of the samples."""
    total, area = torch.zeros(3, dtype=torch.double), 0.0
    for rows in torch.arange(len(pairs)).split(256):
        batch = examples(pairs, rows, pairs.present[rows], torch.zeros(len(rows), dtype=torch.bool))
        total += ((batch.lit - batch.unlit) * batch.mask).sum(dim=(0, 2, 3)).double()
        area += float(batch.mask.sum())
    return (total / area).float()


def paint(painter: Painter, scene: Scene, kind: str) -> Tensor:
    """The test samples relit with one kind of mask, a batch at a time."""
    parts = zip(*(every.split(BATCH) for every in (scene.unlit, scene.masks[kind], scene.index)), strict=True)
    return torch.cat([painter(*part) for part in parts])


def _relit(network: Inpainter, scene: Scene, light: Tensor) -> Iterator[tuple[str, str, Tensor]]:
    yield "truth", "own", scene.truth
    for kind in scene.masks:
        yield "inpainter", kind, paint(network.relight, scene, kind)
    for kind in ("own", "moved", "disc"):
        yield "constant", kind, (scene.unlit + scene.masks[kind] * light[:, None, None]).clamp(-1, 1)
    yield "unlit", "own", scene.unlit


def _figures(scene: Scene, kind: str, lit: Tensor, scorer: Scorer) -> dict[str, Any]:
    gain, mask, own = luminance_gain(scene.unlit, lit), scene.masks[kind][:, 0] >= 0.5, scene.masks["own"][:, 0] >= 0.5
    inside, outside = mean_within(gain, mask), mean_within(gain, ~mask)
    largest, there = largest_gain(gain, mask)
    columns = {"inside": inside, "outside": outside, "largest": largest}
    columns["score_change"] = _scores(scorer, lit) - _scores(scorer, scene.unlit)
    if kind != "empty" and bool((largest > 0).all()):
        columns["largest_inside"] = there.float()
    if kind in ("moved", "disc"):
        columns["own_place"] = mean_within(gain, own & ~mask)
    if kind == "own":
        columns |= {"l1": (lit - scene.truth).abs().mean(dim=(1, 2, 3)) / 2, "psnr": picture_psnr(lit, scene.truth)}
        if not columns["l1"].any():
            del columns["psnr"]  # the truth itself
    return {**mean_figures(columns), "ratio": ratio(inside.double().numpy(), outside.double().numpy())}


@torch.no_grad()
def _scores(scorer: Scorer, pictures: Tensor) -> Tensor:
    """(N,) scores of pictures brought up to the side that the scorer was trained at."""
    parts = (
        F.interpolate(part, (SCORER_SIDE, SCORER_SIDE), mode="bilinear", align_corners=False)
        for part in pictures.split(BATCH)
    )
    return torch.cat([scorer.score(part) for part in parts])
