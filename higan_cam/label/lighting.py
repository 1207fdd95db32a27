"""The lighting scorer: ResNet18 features under a four-level ordinal head.

The head is CORAL (Cao, Mirjalili, Raschka, Pattern Recognition Letters 2020): one weight vector v shared by all
thresholds, u = v . h, p_k = sigmoid(u + b_k) = P(level >= k), with b_1 >= b_2 >= b_3, so that the p_k are always in
order. The score is the expected level, sum over k of p_k, in [0,3]: continuous, so that ranking has no ties of
thousands.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.label.preprocess import Preprocess
from higan_cam.label.resnet import ResNet18, fold_batch_norm
from higan_cam.losses.backbones import IMAGENET_MEAN, IMAGENET_STD

LEVELS = 4


class CoralHead(nn.Module):
    """(N,D) features -> (N,3) probabilities that the level is at least 1, 2, 3; ordered by construction.

    The thresholds are stored as the first one and the (softplus of) gaps to the next, which keeps b_1 >= b_2 >= b_3
    under any optimiser step.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(dim))
        self.first_bias = nn.Parameter(torch.tensor(2.0))
        self.gaps = nn.Parameter(torch.full((LEVELS - 2,), 2.0))
        nn.init.normal_(self.weight, std=dim**-0.5)

    def biases(self) -> Tensor:
        """(3,) thresholds b_1 >= b_2 >= b_3."""
        drops = torch.cat([self.gaps.new_zeros(1), F.softplus(self.gaps).cumsum(0)])
        return self.first_bias - drops

    def logits(self, features: Tensor) -> Tensor:
        """(N,D) -> (N,3) logits of P(level >= k)."""
        return (features @ self.weight)[:, None] + self.biases()

    def forward(self, features: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(features))


class LightingScorer(nn.Module):
    """How brightly lamps light the room: image -> score in [0,3]. Satisfies the `Scorer` protocol.

    Args:
        width: channels of the ResNet18's first stage.
        input_size: side of the square the image is resized to, pixels.
        mean, std: per-channel normalisation of the [0,1] image.
    """

    attribute = "indoor_lighting"
    score_range = (0.0, float(LEVELS - 1))

    def __init__(
        self,
        width: int = 16,
        input_size: int = 128,
        mean: tuple[float, ...] = IMAGENET_MEAN,
        std: tuple[float, ...] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.backbone = ResNet18(width)
        self.head = CoralHead(8 * width)
        self.preprocess = Preprocess((input_size, input_size), mean, std)

    def logits(self, image: Tensor) -> Tensor:
        """(N,3,H,W) in [-1,1] -> (N,3) logits of P(level >= k), k = 1, 2, 3."""
        return self.head.logits(self.backbone.features(self.preprocess(image)))

    def features(self, image: Tensor) -> Tensor:
        """(N,3,H,W) in [-1,1] -> (N, 8 x width) pooled features, for Frechet distances."""
        return self.backbone.features(self.preprocess(image))

    def score(self, image: Tensor) -> Tensor:
        """(N,3,H,W) in [-1,1] -> (N,) expected level in [0,3]."""
        return torch.sigmoid(self.logits(image)).sum(dim=1)

    def forward(self, image: Tensor) -> Tensor:
        return self.score(image)

    def for_inference(self) -> LightingScorer:
        """Eval mode, parameters frozen, batch normalisation folded; in place."""
        self.eval().requires_grad_(False)
        fold_batch_norm(self.backbone)
        return self


def coral_loss(logits: Tensor, level: Tensor) -> Tensor:
    """Mean binary cross-entropy of the (N,3) threshold logits against (N,) levels in [0,3].

    For integer levels these are CORAL's extended binary labels [level >= k]; between integers the target of threshold k
    is clip(level - (k - 1), 0, 1), so that the targets always sum to the level.
    """
    steps = torch.arange(LEVELS - 1, device=logits.device, dtype=logits.dtype)
    targets = (level.to(logits)[:, None] - steps).clamp(0, 1)
    return F.binary_cross_entropy_with_logits(logits, targets)
