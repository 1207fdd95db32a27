"""The files that ship: small tensors, readable figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor, nn

from higan_cam.errors import DataError


class Told(Protocol):
    """What a diverged training is told by."""

    @property
    def output(self) -> str:
        """Where it would have been."""
        ...

    @property
    def learning_rate(self) -> float:
        """By which it diverged."""
        ...


def halved(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """float16 copies of the floating-point tensors; the others as they are."""
    return {key: value.half() if value.is_floating_point() else value for key, value in tensors.items()}


def check_converged(settings: Told, network: nn.Module) -> None:
    """DataError: a weight is no number, or none that 16 bits hold, so there is nothing to ship."""
    for name, value in network.state_dict().items():
        if not bool(value.half().isfinite().all()):
            raise DataError(
                f"{settings.output}: training diverged ({name} is not finite in 16 bits); lower the learning_rate "
                f"({settings.learning_rate}) or the weights of losses, look at what it learns from, and take another "
                "output"
            )


def json_text(values: Mapping[str, Any]) -> str:
    """Indented, keys sorted, a newline at the end. ValueError: a number that JSON does not have (NaN, infinity)."""
    return json.dumps(values, indent=2, sort_keys=True, allow_nan=False) + "\n"
