"""Whether samples look like reals, and whether all reals are there, by who lies near whom in a feature space.

Near is: within the distance to the k-th other of one's own set. Precision and recall: Kynkaanniemi et al. 2019,
arXiv:1904.06991; density and coverage, which one far-off real or sample does not spoil: Naeem et al. 2020,
arXiv:2002.09797.
"""

from __future__ import annotations

import numpy as np
from sklearn.metrics import pairwise_distances
from sklearn.neighbors import NearestNeighbors

from higan_cam.errors import DataError
from higan_cam.measure.values import estimate_means
from higan_cam.types import FloatArray, Interval

NEIGHBOURS = 5


def neighbourhoods(
    reals: FloatArray, samples: FloatArray, seed: int, neighbours: int = NEIGHBOURS
) -> dict[str, Interval]:
    """(N,D) and (M,D) features -> precision and density (over samples), recall and coverage (over reals).

    A collapsed generator of one good picture has precision 1 and recall 0.

    Raises:
        DataError: not more rows than `neighbours` in both.
    """
    if min(len(reals), len(samples)) <= neighbours:
        raise DataError(
            f"precision and recall: {len(reals)} reals and {len(samples)} samples; more than {neighbours} of both"
        )
    apart = pairwise_distances(reals, samples)  # (N,M)
    near_real = apart <= _reach(reals, neighbours)[:, None]
    near_sample = apart <= _reach(samples, neighbours)[None, :]
    of_samples = {
        "precision": near_real.any(axis=0).astype(np.float64),
        "density": near_real.sum(axis=0) / neighbours,
    }
    of_reals = {
        "recall": near_sample.any(axis=1).astype(np.float64),
        "coverage": near_real.any(axis=1).astype(np.float64),
    }
    return {**estimate_means(of_samples, seed), **estimate_means(of_reals, seed)}


def _reach(rows: FloatArray, neighbours: int) -> FloatArray:
    """(N,) distance of each row to its k-th other row."""
    nearest = NearestNeighbors(n_neighbors=neighbours).fit(rows)
    distances: FloatArray = nearest.kneighbors()[0][:, -1]
    return distances
