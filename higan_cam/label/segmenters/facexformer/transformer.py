"""The two-way transformer (Segment Anything, Kirillov et al. 2023, arXiv:2304.02643): tokens look at the picture's
features, and the features at the tokens. Module names are those of the published files.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

HEADS = 8
DEPTH = 2


class Attention(nn.Module):
    """Attention of several heads, inside which there are `inner` features.

    (N,Q,C) queries, (N,K,C) keys and values -> (N,Q,C).
    """

    def __init__(self, features: int, inner: int) -> None:
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(features, inner) for _ in range(3))
        self.out_proj = nn.Linear(inner, features)

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        projected = self.q_proj(queries), self.k_proj(keys), self.v_proj(values)
        q, k, v = (part.unflatten(2, (HEADS, -1)).transpose(1, 2) for part in projected)
        # Written out: the attention is so sharp that the order of additions shows, and this one is the published one's.
        looked = ((q @ k.transpose(2, 3)) / math.sqrt(q.shape[3])).softmax(dim=3) @ v
        result: Tensor = self.out_proj(looked.transpose(1, 2).flatten(2))
        return result


class FeedForward(nn.Module):
    """(N,T,C) -> (N,T,C), each token by itself."""

    def __init__(self, features: int, inner: int) -> None:
        super().__init__()
        self.lin1, self.lin2 = nn.Linear(features, inner), nn.Linear(inner, features)

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.lin2(F.relu(self.lin1(x)))
        return result


class TwoWayBlock(nn.Module):
    """Tokens among themselves, tokens at the picture, each token by itself, the picture at the tokens.

    Args:
        first: whether it is the first block, whose tokens are still where they began: there they need neither their
            places nor themselves added.
    """

    def __init__(self, features: int, inner: int, *, first: bool) -> None:
        super().__init__()
        self.first = first
        self.self_attn, self.norm1 = Attention(features, features), nn.LayerNorm(features)
        self.cross_attn_token_to_image, self.norm2 = Attention(features, features // 2), nn.LayerNorm(features)
        self.mlp, self.norm3 = FeedForward(features, inner), nn.LayerNorm(features)
        self.norm4, self.cross_attn_image_to_token = nn.LayerNorm(features), Attention(features, features // 2)

    def forward(self, tokens: Tensor, picture: Tensor, starts: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """(N,T,C) tokens, (N,K,C) picture, what the tokens began as, (1,K,C) places -> tokens, picture."""
        if self.first:
            tokens = self.norm1(self.self_attn(tokens, tokens, tokens))
        else:
            placed = tokens + starts
            tokens = self.norm1(tokens + self.self_attn(placed, placed, tokens))
        tokens = self.norm2(tokens + self.cross_attn_token_to_image(tokens + starts, picture + places, picture))
        tokens = self.norm3(tokens + self.mlp(tokens))
        picture = self.norm4(picture + self.cross_attn_image_to_token(picture + places, tokens + starts, tokens))
        return tokens, picture


class TwoWayTransformer(nn.Module):
    """(N,T,C) tokens, (N,K,C) picture, (1,K,C) places -> both, having looked at each other."""

    def __init__(self, features: int, inner: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TwoWayBlock(features, inner, first=number == 0) for number in range(DEPTH))
        self.final_attn_token_to_image = Attention(features, features // 2)
        self.norm_final_attn = nn.LayerNorm(features)

    def forward(self, starts: Tensor, picture: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        tokens = starts
        for layer in self.layers:
            tokens, picture = layer(tokens, picture, starts, places)
        looked = self.final_attn_token_to_image(tokens + starts, picture + places, picture)
        return self.norm_final_attn(tokens + looked), picture


class Places(nn.Module):
    """Random Fourier features of where a feature lies (Tancik et al. 2020)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, features // 2))

    def forward(self, side: int) -> Tensor:
        """-> (1,side^2,features), row by row."""
        matrix = self.get_buffer("positional_encoding_gaussian_matrix")
        along = (torch.arange(side, device=matrix.device, dtype=matrix.dtype) + 0.5) / side * 2 - 1
        down, across = torch.meshgrid(along, along, indexing="ij")
        turned = 2 * math.pi * (torch.stack([across, down], dim=2) @ matrix)
        return torch.cat([turned.sin(), turned.cos()], dim=2).flatten(0, 1)[None]
