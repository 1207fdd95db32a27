"""Every style channel of a generator, moved both ways: pictures, and what they say of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from higan_cam.generate.styles import StyleAffine
from higan_cam.manipulate.directions import Direction, answer_of, oriented, pulled_back, share_inside
from higan_cam.pipeline.directions.asked import Asked
from higan_cam.pipeline.models import Models
from higan_cam.types import FloatArray, Generator, Scorer


@dataclass(frozen=True, eq=False)
class Moved:
    """One channel moved by standard deviations of its style, in the pictures of n codes.

    Attributes:
        affine, channel: which one.
        vector: (D,) unit length, the move of its row.
        step: code units of one standard deviation.
        fidelity: how nearly it moves alone, see `pulled_back`.
        image: (2n,3,H,W) all minus ends, then all plus ends.
    """

    affine: StyleAffine
    channel: int
    vector: FloatArray
    step: float
    fidelity: float
    image: Tensor


def moved_channels(
    generator: Generator,
    w_plus: Tensor,
    affines: Sequence[StyleAffine],
    rows: Sequence[int],
    codes: FloatArray,
    push: float = 1.0,
) -> Iterator[Moved]:
    """Every feature channel of the rows, in the network's order; outputs to RGB are left out.

    Each is moved by `push` standard deviations of its style both ways, in the pictures of (n,L,D) codes; the layers
    below the row are run once. Cost: 2 n passes of the layers above the row for each channel.
    """
    for row in rows:
        here = [each for each in affines if each.row == row]
        start, _ = generator.advance(torch.cat([w_plus, w_plus]), row)
        for number, affine in enumerate(here):
            back = pulled_back([each.weight for each in here], number, codes)
            steps = back.spread * np.linalg.norm(back.moves, axis=1)
            for channel in np.flatnonzero(steps > 0) if not affine.colour else ():
                vector, step = oriented(back.moves[channel]), float(steps[channel])
                image, _ = generator.synthesize(_ends(generator, w_plus, row, vector, push * step), start=start)
                yield Moved(affine, int(channel), vector, step, float(back.fidelity[channel]), image)


def channels(
    models: Models, w_plus: Tensor, affines: Sequence[StyleAffine], asked: Asked, codes: FloatArray
) -> list[Direction]:
    """Every feature channel of the asked rows as a direction; cost as `moved_channels`."""
    found = []
    for each in moved_channels(models.generator, w_plus, affines, asked.layers, codes):
        known = {"layer": each.affine.name, "channel": each.channel, "fidelity": each.fidelity}
        figures = {**known, "spread": each.step, **_figures(each.image, models.scorer, asked)}
        name = f"stylespace_{each.affine.name}_{each.channel:03d}"
        found.append(Direction(each.vector, (each.affine.row,), name, "stylespace", figures))
    return found


def changes(image: Tensor) -> FloatArray:
    """(2n,3,H,W) pictures of n minus and n plus ends -> (n,H,W) half their absolute difference, display values 0 to 1,
    mean over colours."""
    low, high = (image.float().clamp(-1, 1) / 2).chunk(2)
    halves: FloatArray = ((high - low).abs() / 2).mean(dim=1).cpu().numpy()
    return halves


def _ends(generator: Generator, w_plus: Tensor, row: int, vector: FloatArray, step: float) -> Tensor:
    """(2n,L,D) the codes with one row moved by -step, then by +step."""
    move = generator.edit_strength[row] * step * torch.from_numpy(vector).to(w_plus)
    low, high = w_plus.clone(), w_plus.clone()
    low[:, row] -= move
    high[:, row] += move
    return torch.cat([low, high])


def _figures(image: Tensor, scorer: Scorer, asked: Asked) -> dict[str, float]:
    answer = answer_of(changes(image))
    found = {"strength": answer.strength, "locality": answer.locality}
    if asked.near is not None:
        found["inside"] = share_inside(answer.map, asked.near)
    if asked.by_score:
        low, high = scorer.score(image).float().chunk(2)
        found["score"] = float((high - low).mean() / 2)
    return found
