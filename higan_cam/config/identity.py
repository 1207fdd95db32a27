"""What of a configuration decides the bytes, its hash, and in which fields two differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from higan_cam.config.run import RunConfig
from higan_cam.config.stages import AUTO

PICTURES_ONLY = ("source", "invert", "student")
"""Sections that decide nothing where the source is latents."""
REFINED_ONLY = ("refine", "pilot", "pilot_steps")
"""Fields of `mask` that decide nothing where masks are not refined."""
CHOSEN_ONLY = ("candidates", "pilot")
"""Fields of `attribution` that decide nothing where it is named."""


def identity(config: RunConfig) -> dict[str, Any]:
    """The part of the configuration that decides the bytes of the dataset (no output, store, curation or runtime).

    Of a run on latents nothing that only pictures need; of one on pictures not their number, which its listing says; of
    a pilot nothing where there is none, of candidates nothing where the method is named; nothing of light that is put
    nowhere, nor of a network that enlarges nothing.
    """
    left_out: dict[str, Any] = dict.fromkeys(("output", "curation", "store", "runtime"), True)
    if not config.attributes:
        left_out["attributes"] = True
    of_attribution: set[str] = set() if config.attribution.name == AUTO else set(CHOSEN_ONLY)
    if config.attribution.weights is None:
        of_attribution.add("weights")
    if of_attribution:
        left_out["attribution"] = dict.fromkeys(of_attribution, True)
    of_mask = set() if config.mask.refine is not None else set(REFINED_ONLY)
    if not config.light.gains:
        left_out["light"] = True
    if config.upscale.weights is None:
        left_out["upscale"] = True
    if config.source.kind == "latents":
        left_out |= dict.fromkeys(PICTURES_ONLY, True)
    else:
        of_mask.add("count")
        if config.student.bank is None:
            left_out["student"] = {"bank": True}
    if of_mask:
        left_out["mask"] = dict.fromkeys(of_mask, True)
    return config.model_dump(mode="json", exclude=left_out)


def config_hash(config: RunConfig) -> str:
    """sha256 (hex) of the canonical JSON of `identity(config)`."""
    canonical = json.dumps(identity(config), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def differing_fields(left: Mapping[str, Any], right: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Dotted names of the fields in which two nested mappings differ, with both values."""
    lines: list[str] = []
    for key in sorted(set(left) | set(right)):
        a, b = left.get(key), right.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            lines += differing_fields(a, b, f"{prefix}{key}.")
        elif a != b:
            lines.append(f"{prefix}{key}: {a!r} there, {b!r} asked for")
    return lines
