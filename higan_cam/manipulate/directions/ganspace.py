"""GANSpace: principal components of the codes (Härkönen et al. 2020, arXiv:2004.02546, section 2.1)."""

from __future__ import annotations

from threadpoolctl import threadpool_limits

from higan_cam.errors import ConfigError
from higan_cam.manipulate.directions.direction import Direction, named, oriented
from higan_cam.types import FloatArray

LEAST = 2
"""Codes without which there is no spread."""


def ganspace(codes: FloatArray, count: int, layers: tuple[int, ...], rows: int) -> list[Direction]:
    """The directions along which codes spread most, the widest first.

    Only the mapping network has a say; the pictures have none. Components of equal variance leave their vectors open.

    Args:
        codes: (N,D) codes w, before truncation.
        count: directions, at most min(N,D).
        layers: rows of w+ that edits along them move, of `rows` that there are.

    Returns:
        `figures`: variance (code units squared), its share of the whole, and the codes behind it.

    Raises:
        ConfigError: more directions than codes or dimensions.
    """
    from sklearn.decomposition import PCA

    most = min(codes.shape) if len(codes) >= LEAST else 0
    if not 0 < count <= most:
        raise ConfigError(
            f"ganspace: {len(codes)} codes of {codes.shape[1]} numbers have {most} components, got --count {count}"
        )
    with threadpool_limits(1, user_api="blas"):
        found = PCA(n_components=count, svd_solver="full").fit(codes.astype("float64"))
    return [
        Direction(
            oriented(vector),
            layers,
            named("ganspace", number, layers, rows),
            "ganspace",
            {"variance": float(variance), "share": float(share), "codes": len(codes)},
        )
        for number, (vector, variance, share) in enumerate(
            zip(found.components_, found.explained_variance_, found.explained_variance_ratio_, strict=True)
        )
    ]


def check_mapped(mapped: bool) -> None:
    """ConfigError: the generator's codes are z itself, which spreads alike in every direction."""
    if not mapped:
        raise ConfigError(
            "ganspace: this generator has no w; its codes are z, which was drawn with the same spread in every "
            "direction, so components of it mean nothing. Take --method sefa, which reads the first layer's weights"
        )
