"""Pictures made earlier, shown to a discriminator again, so that a network cannot go round in a circle before it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn


class Pool(nn.Module):
    """History of samples (Shrivastava et al. 2017, arXiv:1612.07828, section 2.3; CycleGAN keeps 50).

    Until it is full each picture is kept, and shown. Then every other one on average is kept in the place of an older
    one that is shown for it. A module without parameters, so that checkpoints hold what it holds.

    Args:
        size: pictures; with 0 each picture is shown as it comes.
        side: of the pictures, px.
    """

    pictures: Tensor
    count: Tensor

    def __init__(self, size: int, side: int) -> None:
        super().__init__()
        self.register_buffer("pictures", torch.zeros(size, 3, side, side))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def exchange(self, made: Tensor, draw: np.random.Generator) -> Tensor:
        """(N,3,S,S) pictures just made -> as many to be shown, kept ones or these; nothing is derived through them."""
        size, shown = len(self.pictures), made.detach().clone()
        for place, picture in enumerate(made.detach()):
            coin, at = draw.random(), int(draw.integers(max(size, 1)))
            filled = int(self.count)
            if filled < size:
                self.pictures[filled] = picture
                self.count += 1
            elif size and coin < 0.5:
                shown[place] = self.pictures[at]
                self.pictures[at] = picture
        return shown
