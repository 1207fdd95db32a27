"""Losses of predicted masks and heat: logits (N,…) against truth (N,…) in [0,1] -> (N,), a picture at a time."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from higan_cam.losses.pictures import per_picture


def bce(logits: Tensor, target: Tensor) -> Tensor:
    """Mean binary cross-entropy, nats; least, but above 0, where the prediction is a soft target itself."""
    return per_picture(F.binary_cross_entropy_with_logits(logits, target, reduction="none"))


def dice(logits: Tensor, target: Tensor) -> Tensor:
    """1 - (2 sum p t + 1) / (sum p + sum t + 1) with p = sigmoid(logits), in [0,1] (after Milletari et al. 2016).

    It asks for overlap, whatever share of the picture the mask has; the added one makes nothing on nothing right.
    """
    probability, truth = logits.sigmoid().flatten(1), target.flatten(1)
    both = (probability * truth).sum(dim=1)
    return 1 - (2 * both + 1) / (probability.sum(dim=1) + truth.sum(dim=1) + 1)


def focal(logits: Tensor, target: Tensor, *, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Mean of alpha_t (1 - p_t)^gamma x binary cross-entropy (Lin et al., ICCV 2017): what is hard counts more."""
    from torchvision.ops import sigmoid_focal_loss

    losses: Tensor = sigmoid_focal_loss(logits, target, alpha=alpha, gamma=gamma, reduction="none")
    return per_picture(losses)
