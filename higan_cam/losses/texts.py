"""Losses of a picture and a text by a network that knows both (CLIP; Radford et al., ICML 2021), as StyleCLIP has them.

Patashnik et al., ICCV 2021 (arXiv:2103.17249), section 4: D_CLIP(G(w), t) is one minus the cosine of both embeddings.
`directional` is StyleGAN-NADA's (Gal et al. 2021, arXiv:2108.00946, eq. 2). Embeddings are (N,E), of any length.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.losses.features import identity_distance

LEAST = 0.05
"""Length of an embedding's change from which on its direction alone counts."""


def text_distance(picture: Tensor, text: Tensor) -> Tensor:
    """(N,E) embeddings of pictures and (N,E) or (1,E) of texts -> (N,) 1 - cosine, in [0,2]: picture n by text n.

    The published loss, 1 - logits / 100, is this where the network's temperature is 100, and a whole matrix where
    several pictures meet several texts.
    """
    return identity_distance(picture, text.expand_as(picture))


def directional(picture: Tensor, before: Tensor, text: Tensor, neutral: Tensor) -> Tensor:
    """(N,) 1 - cosine of how the picture's unit embedding has changed and of how the text's does, in [0,2].

    One text alone pulls towards whatever texture answers to it; the difference from a neutral one asks for the change.
    1 where the picture has not changed, which has no direction: changes shorter than `LEAST` count by their length, so
    that the first steps of an optimiser have a gradient, and one of an ordinary size.
    """
    change, asked = unit(picture) - unit(before), unit(text) - unit(neutral)
    length = change.square().sum(dim=1).clamp(min=LEAST**2).sqrt()
    return 1 - (change * unit(asked)).sum(dim=1) / length


def code_norm(w_plus: Tensor, start: Tensor) -> Tensor:
    """(N,L,D) -> (N,) length of the difference from another code: L2 as the paper writes it. Code units.

    The gradient at the start, where a length has none, is 0.
    """
    squares = (w_plus - start).square().flatten(1).sum(dim=1)
    moved = squares > 0
    return torch.where(moved, torch.where(moved, squares, 1).sqrt(), squares)


def unit(embedding: Tensor) -> Tensor:
    """(N,E) -> the same directions of length 1."""
    return F.normalize(embedding, dim=1)
