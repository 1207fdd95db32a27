"""What labels are of: what makes a picture of a latent's number. `label-by-hand` notes it beside the table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from higan_cam.config import RunConfig

NOTES = ".json"
"""What the name of the notes has more than that of the table."""


def drawn_by(config: RunConfig, weights: Mapping[str, str]) -> dict[str, Any]:
    """Of a run, and the sha256 of its weights by what they are for."""
    generator = config.generator
    return {
        "seed": config.seed,
        "generator": weights.get("generator"),
        "truncation_psi": generator.truncation_psi,
        "truncation_layers": generator.truncation_layers,
    }


def differences(noted: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    """`seed 0, not 1; …`; "" where the notes say all that we do."""
    return "; ".join(f"{name} {noted.get(name)!r}, not {own!r}" for name, own in ours.items() if noted.get(name) != own)
