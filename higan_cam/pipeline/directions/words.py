"""A text's direction from style channels: how a network sees each of them, once for a generator, then any text.

Shapes: n samples, L rows of w+, D code dimension, C channels, E dimensions of the embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from higan_cam.errors import WeightsError
from higan_cam.generate.styles import StyleAffine
from higan_cam.manipulate.directions import Direction
from higan_cam.manipulate.directions.words import channel_weights, row_moves, shared_move
from higan_cam.pipeline.directions.channels import moved_channels
from higan_cam.pipeline.directions.texts import Wish
from higan_cam.store import Store
from higan_cam.store.keys import channels_key
from higan_cam.types import FloatArray, Generator
from higan_cam.weights.files import decode_tensors, encode_tensors

PUSH = 2.0
"""Standard deviations of its style by which each channel is moved both ways."""


@dataclass(frozen=True, eq=False)
class Responses:
    """C channels and what a network sees of them.

    Attributes:
        steps: (C,D) the move of its row for one standard deviation of the channel's style.
        rows: (C,) of w+.
        changes: (C,E) mean change of the unit embedding, from the minus to the plus end.
    """

    steps: FloatArray
    rows: tuple[int, ...]
    changes: FloatArray


def channel_responses(
    generator: Generator,
    w_plus: Tensor,
    see: Callable[[Tensor], Tensor],
    affines: Sequence[StyleAffine],
    codes: FloatArray,
    store: Store | None = None,
    key: str = "",
) -> Responses:
    """How pictures (n,L,D) change in a network's eyes with every channel of these style layers.

    Row by row; with a store each row is kept as soon as it is there, and read where it is: a search that was stopped
    goes on, and another text costs no picture.

    Args:
        see: (n,3,H,W) in [-1,1] -> (n,E) of unit length.
        key: names both networks, looks and codes in the store.

    Raises:
        WeightsError: what the store has of a row is something else.
    """
    found = []
    for row in sorted({each.row for each in affines}):
        at = channels_key(key, row)
        body = None if store is None else store.find(at)
        parts = (
            _of_row(generator, w_plus, see, affines, codes, row)
            if body is None
            else _read(body, at, affines, codes, row)
        )
        if body is None and store is not None:
            store.put(at, encode_tensors(parts, {}))
        found.append((row, parts["steps"].numpy(), parts["changes"].numpy()))
    if len(sizes := {each[2].shape[1] for each in found}) > 1:
        raise WeightsError(f"{channels_key(key, 0)} and following: embeddings of {sorted(sizes)} numbers; remove them")
    rows = tuple(row for row, steps, _ in found for _ in steps)
    return Responses(np.concatenate([each[1] for each in found]), rows, np.concatenate([each[2] for each in found]))


def words_moves(found: Responses, wish: Wish, rows: int, threshold: float, by: str = "projection") -> FloatArray:
    """(rows,D) what each row of w+ moves towards the text, its largest channel by one standard deviation of its style.

    ConfigError: no channel answers so much, or both texts mean the same.
    """
    weights = channel_weights(found.changes, _asked(wish), threshold, by)
    return row_moves(weights, found.steps, found.rows, rows)


def words_direction(
    found: Responses,
    affines: Sequence[StyleAffine],
    strength: Sequence[float],
    wish: Wish,
    name: str,
    threshold: float,
) -> Direction:
    """The same as one direction of all these rows, which files and commands take; `strength` is `edit_strength`.

    Returns:
        `figures`: channels, how many; kept, the share of the wanted change of styles that one move of all rows makes;
        spread, code units of that move, whose largest channel was to go by one standard deviation of its style.

    Raises:
        ConfigError: no channel answers so much, or both texts mean the same.
    """
    rows = sorted({each.row for each in affines})
    moves = words_moves(found, wish, rows[-1] + 1, threshold)
    styles = {row: strength[row] * np.concatenate([each.weight for each in affines if each.row == row]) for row in rows}
    move, kept = shared_move(moves, styles)
    chosen = int(np.count_nonzero(channel_weights(found.changes, _asked(wish), threshold)))
    length = float(np.linalg.norm(move))
    figures = {"channels": chosen, "of": len(found.rows), "threshold": threshold, "kept": kept, "spread": length}
    unit = (move / length).astype(np.float32)
    return Direction(unit, tuple(rows), name, "words", figures)


def _asked(wish: Wish) -> FloatArray:
    change: FloatArray = wish.change().double().cpu().numpy()
    return change


@torch.inference_mode()
def _of_row(
    generator: Generator,
    w_plus: Tensor,
    see: Callable[[Tensor], Tensor],
    affines: Sequence[StyleAffine],
    codes: FloatArray,
    row: int,
) -> dict[str, Tensor]:
    steps = torch.zeros(0, codes.shape[1])
    changes = torch.zeros(0, see(generator.synthesize(w_plus[:1])[0]).shape[1])
    for each in moved_channels(generator, w_plus, affines, [row], codes, PUSH):
        low, high = see(each.image).chunk(2)
        steps = torch.cat([steps, torch.from_numpy(each.step * each.vector)[None].float()])
        changes = torch.cat([changes, (high - low).mean(dim=0, keepdim=True).cpu()])
    return {"steps": steps, "changes": changes}  # none of a row that outputs to RGB alone read


def _read(body: bytes, name: str, affines: Sequence[StyleAffine], codes: FloatArray, row: int) -> dict[str, Tensor]:
    tensors, _ = decode_tensors(body, name)
    if set(tensors) != {"steps", "changes"}:
        raise WeightsError(f"{name}: holds {sorted(tensors)}, expected steps and changes; remove it")
    most = sum(len(each.weight) for each in affines if each.row == row and not each.colour)
    steps, changes = tensors["steps"], tensors["changes"]
    fits = steps.ndim == changes.ndim == 2 and len(steps) == len(changes) <= most and steps.shape[1] == codes.shape[1]
    if not fits or not steps.isfinite().all() or not changes.isfinite().all():
        raise WeightsError(
            f"{name}: steps are {tuple(steps.shape)} and changes {tuple(changes.shape)}, expected numbers, "
            f"(channels,{codes.shape[1]}) and (channels,size of the embedding) of at most {most} channels; remove it"
        )
    return tensors
