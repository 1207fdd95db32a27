"""Directions from words through style channels: StyleCLIP's global directions (Patashnik et al., ICCV 2021, section 6).

Every channel is moved, and a network that knows pictures and texts says how the picture's embedding changes. The
channels whose change is like that of the texts make the direction. Shapes: C channels, E dimensions of the embedding,
R rows of w+, D code dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from higan_cam.errors import ConfigError, DataError, unknown_name
from higan_cam.types import FloatArray

LEAST = 1e-6
"""Of the largest change, below which a channel changes nothing, and of the largest singular value of all styles."""


def projection(changes: FloatArray, asked: FloatArray) -> FloatArray:
    """(C,E), (E,) -> (C,) in [-1,1]: how far each channel goes the text's way, in shares of the one that goes furthest.

    The paper's formula, E[delta i . delta t], so that a channel that does little counts little.
    """
    along = changes.astype(np.float64) @ _unit(asked)
    return along / max(float(np.abs(along).max(initial=0)), 1e-300)


def cosine(changes: FloatArray, asked: FloatArray) -> FloatArray:
    """(C,E), (E,) -> (C,) in [-1,1]: how like the text's each channel's change is, however small, as the authors' code
    has it; 0 for channels that change nothing."""
    lengths = np.linalg.norm(changes.astype(np.float64), axis=1)
    there = lengths > LEAST * max(float(lengths.max(initial=0)), 1e-300)
    found: FloatArray = np.where(there, (changes @ _unit(asked)) / np.where(there, lengths, 1), 0.0)
    return found


RELEVANCES: Mapping[str, Callable[[FloatArray, FloatArray], FloatArray]] = {"projection": projection, "cosine": cosine}


def channel_weights(changes: FloatArray, asked: FloatArray, threshold: float, by: str = "projection") -> FloatArray:
    """(C,) how far each channel is to be moved, in standard deviations of its style, the largest 1 or -1.

    Args:
        changes: (C,E) mean change of the unit embedding, from each channel's minus to its plus end.
        asked: (E,) change of the text's unit embedding.
        threshold: beta of the paper: channels of less relevance stay. More of it moves less else.
        by: `projection` or `cosine`.

    Raises:
        ConfigError: an unknown relevance, no channel, or a threshold that none reaches.
    """
    if not len(changes):
        raise ConfigError("words: these rows have no channel; take others, such as --layers all")
    if by not in RELEVANCES:
        raise unknown_name("relevance", by, RELEVANCES)
    relevance = RELEVANCES[by](changes, asked)
    most = float(np.abs(relevance).max(initial=0))
    if not most >= threshold or most == 0:
        raise ConfigError(f"words: no channel reaches {threshold}, the most relevant has {most:.3f}; take less")
    weights: FloatArray = np.where(np.abs(relevance) >= threshold, relevance, 0) / most
    return weights


def row_moves(weights: FloatArray, steps: FloatArray, rows: Sequence[int], count: int) -> FloatArray:
    """(C,) weights, (C,D) moves of one standard deviation, (C,) their rows -> (count,D) what each row of w+ moves."""
    moves = np.zeros((count, steps.shape[1]))
    np.add.at(moves, np.asarray(rows), weights[:, None] * steps.astype(np.float64))
    return moves


def shared_move(moves: FloatArray, styles: Mapping[int, FloatArray]) -> tuple[FloatArray, float]:
    """One move of all rows that changes the styles most nearly as the rows' own moves do, by least squares.

    Args:
        moves: (R,D) of each row.
        styles: {row: (S,D) everything that reads it}.

    Returns:
        (D,) the move; the share of the wanted change of styles, squared, that it makes: 1 where rows agree.

    Raises:
        DataError: the moves change no style.
    """
    stacked = np.concatenate([matrix.astype(np.float64) for matrix in styles.values()])
    wanted = np.concatenate([matrix @ moves[row] for row, matrix in styles.items()])
    total = float(wanted @ wanted)
    if not total > 0:
        raise DataError("words: these channels change no style; check the generator's weights")
    with threadpool_limits(1, user_api="blas"):
        found = np.linalg.lstsq(stacked, wanted, rcond=LEAST)[0]
    missed = wanted - stacked @ found
    return found, 1 - float(missed @ missed) / total


def _unit(vector: FloatArray) -> FloatArray:
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if not length > 0:
        raise ConfigError("words: both texts mean the same to this network; say others")
    unit: FloatArray = vector.astype(np.float64) / length
    return unit
