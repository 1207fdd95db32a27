"""What a layer works out from its weights alone, kept while the weights stay as they are.

Published files keep kernels in orders that no convolution wants. Making the wanted order, sums of squares and so on
costs as much as a small convolution, so a frozen layer does it once; a layer in training does it every time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import is_

import torch
from torch import Tensor

Kind = tuple[int, torch.dtype, torch.device]


@dataclass(frozen=True, eq=False)
class Frozen:
    """Tensors made from others, and what those were like.

    Attributes:
        sources: what they were made from; kinds: version, dtype and device of each source then.
        made: the result.
    """

    sources: tuple[Tensor, ...]
    kinds: tuple[Kind, ...]
    made: tuple[Tensor, ...]

    def holds(self, sources: tuple[Tensor, ...]) -> bool:
        """Whether `sources` still are what this was made from. `Module.to` changes neither object nor version."""
        same = len(sources) == len(self.sources) and all(map(is_, sources, self.sources))
        return same and tuple(map(_kind, sources)) == self.kinds


def frozen(
    kept: Frozen | None, sources: tuple[Tensor, ...], make: Callable[[], tuple[Tensor, ...]]
) -> tuple[Frozen | None, tuple[Tensor, ...]]:
    """What to keep from now on, and `make()`'s result: made now, or taken from `kept` where it still holds.

    Nothing is kept of sources that are trained, or that were made in inference mode (those have no version).
    """
    if any(source.requires_grad or source.is_inference() for source in sources):
        return None, make()
    if kept is None or not kept.holds(sources):
        with torch.inference_mode(False), torch.no_grad():
            kept = Frozen(sources, tuple(map(_kind, sources)), make())
    return kept, kept.made


def _kind(source: Tensor) -> Kind:
    return source._version, source.dtype, source.device
