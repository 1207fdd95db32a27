"""What each tapped layer counts for a class activation map: measured once per run, stored with its boundary.

weights: how much the score rises when the edit moves that layer's row of w+ alone (HiGAN's rescoring, eq. 2).
scales: the mean over calibration samples of the maximum of the layer's map, so that a sample in which a layer hardly
answers keeps little of it, where its own maximum would blow it up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from higan_cam.config import AttributionConfig
from higan_cam.errors import ConfigError, DataError
from higan_cam.mask.grad_cam import WEIGHTINGS, LayerBalance
from higan_cam.types import FloatArray

BALANCE_KEY = "attribution_layers"
"""In the boundary's metrics."""


def needs_balance(config: AttributionConfig) -> bool:
    """Whether something must be measured before the first mask."""
    return config.name in WEIGHTINGS and (config.layer_weights == "relevance" or config.scale == "run")


def measured_balance(
    config: AttributionConfig, layers: Sequence[int], rises: FloatArray, peaks: FloatArray
) -> dict[str, Any]:
    """What to store under `BALANCE_KEY`.

    Args:
        layers: the T tapped layers, rising.
        rises: (L,) the score's rise by each row of w+ alone.
        peaks: (n,T) maximum of each layer's map in n calibration samples; those that are not finite are left out.

    Raises:
        DataError: that leaves none.
    """
    known = peaks[np.isfinite(peaks).all(axis=1)]
    if not len(known):
        raise DataError(f"attribution.scale: maps of all {len(peaks)} samples hold NaN or infinity; check the scorer")
    return {
        "name": config.name,
        "sign": config.sign,
        "layers": list(layers),
        "weights": [float(rises[layer]) for layer in layers],
        "scales": [float(scale) for scale in known.mean(axis=0)],
        "samples": len(known),
    }


def stored_balance(config: AttributionConfig, layers: Sequence[int], metrics: Mapping[str, Any]) -> LayerBalance:
    """The balance that the configuration asks for, from a boundary's metrics; it may ask for none.

    Raises:
        ConfigError: the metrics have none for this method, sign and these layers, or no tapped layer raises the score.
    """
    if not needs_balance(config):
        return LayerBalance()
    stored, wanted = metrics.get(BALANCE_KEY, {}), (config.name, config.sign, list(layers))
    if (stored.get("name"), stored.get("sign"), stored.get("layers")) != wanted:
        raise ConfigError(
            f"attribution.layer_weights, attribution.scale: the boundary has no measured layers for {config.name} "
            f"on layers {list(layers)}; they are measured when a run with these settings settles its boundary"
        )
    weights = tuple(stored["weights"]) if config.layer_weights == "relevance" else None
    if weights is not None and not sum(weights) > 0:
        raise ConfigError(
            "attribution.layer_weights: the score rises by moving none of the tapped layers "
            f"{list(layers)} alone; tap others, or set it to equal"
        )
    return LayerBalance(weights, tuple(stored["scales"]) if config.scale == "run" else None)
