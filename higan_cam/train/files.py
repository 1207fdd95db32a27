"""The files that ship: small tensors, readable figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from torch import Tensor


def halved(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """float16 copies of the floating-point tensors; the others as they are."""
    return {key: value.half() if value.is_floating_point() else value for key, value in tensors.items()}


def json_text(values: Mapping[str, Any]) -> str:
    """Indented, keys sorted, a newline at the end. ValueError: a number that JSON does not have (NaN, infinity)."""
    return json.dumps(values, indent=2, sort_keys=True, allow_nan=False) + "\n"
