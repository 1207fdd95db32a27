"""Turn what a GAN has learned into training data. The pure core is usable as a library, without Ray.

    from higan_cam import load_config, load_models, sample_latents

Names are imported on first use, so that `import higan_cam` (and the command line's --help) does not load torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "load_config": "higan_cam.config",
    "RunConfig": "higan_cam.config",
    "load_models": "higan_cam.pipeline",
    "Models": "higan_cam.pipeline",
    "load_generator": "higan_cam.generate",
    "sample_latents": "higan_cam.generate",
    "to_uint8": "higan_cam.generate",
    "load_scorer": "higan_cam.label",
    "fit_boundary": "higan_cam.manipulate",
    "load_boundary": "higan_cam.manipulate",
    "move": "higan_cam.manipulate",
    "push": "higan_cam.manipulate",
    "make_attribution": "higan_cam.mask",
    "find_regions": "higan_cam.mask",
    "mask_quality": "higan_cam.mask",
    "Boundary": "higan_cam.types",
    "Edit": "higan_cam.types",
    "Sample": "higan_cam.types",
}

__all__ = [*_HOMES]  # noqa: PLE0604 - names of the table above, all of them strings


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'higan_cam' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
