"""Two towers: a picture and a sentence to unit vectors whose cosine says how well they go together.

The objective is CLIP's (Radford et al., ICML 2021), the towers are small: four convolutions, and a transformer over a
closed vocabulary. Shapes: N pictures, T sentences of at most M words, D dimensions of the embedding.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from higan_cam.errors import ConfigError, WeightsError
from higan_cam.label.preprocess import Preprocess
from higan_cam.weights.files import load_tensors, save_tensors
from higan_cam.weights.state_dicts import fill

PADDING, OTHER = 0, 1
"""Numbers of what is no word, and of a word that the vocabulary lacks; the vocabulary's own follow."""
FIRST_TEMPERATURE = 0.1
COSINES_AT_MOST = 100.0
"""By which cosines are multiplied, as in the paper."""


def check_sizes(side: int, widths: Sequence[int], text_width: int, size: int, longest: int = 1) -> None:
    """ConfigError: towers of these sizes, see `Towers`, cannot be built."""
    for name, value in {"side": side, "text_width": text_width, "size": size, "longest": longest}.items():
        if value < 1:
            raise ConfigError(f"{name}: must be >= 1, got {value}")
    if not widths or any(width < 4 or width % 4 for width in widths):
        raise ConfigError(f"widths: must be multiples of 4, at least one, got {tuple(widths)}")
    if side >> len(widths) < 1:
        raise ConfigError(f"widths: each halves the side of {side} px, so {len(widths)} of them leave nothing")
    if text_width % _heads(text_width):
        raise ConfigError(f"text_width: must be a multiple of 32, or less than 64, got {text_width}")


def _heads(width: int) -> int:
    return max(1, width // 32)


class Block(nn.Module):
    """Attention of words to each other, then each for itself; norms first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.looks, self.joins = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.alone = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, words: Tensor, there: Tensor) -> Tensor:
        """(T,M,W) and (T,M) bool, which are words -> (T,M,W)."""
        parts = self.looks(self.before(words)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        seen = F.scaled_dot_product_attention(query, key, value, there[:, None, None])
        words = words + self.joins(seen.transpose(1, 2).flatten(2))
        found: Tensor = words + self.alone(self.between(words))
        return found


class TextTower(nn.Module):
    """(T,M) numbers of words -> (T,D)."""

    def __init__(self, words: int, width: int, longest: int, size: int) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.places = nn.Parameter(0.02 * torch.randn(longest, width))
        self.blocks = nn.ModuleList(Block(width, _heads(width)) for _ in range(2))
        self.norm, self.last = nn.LayerNorm(width), nn.Linear(width, size)

    def forward(self, numbers: Tensor) -> Tensor:
        """Embeddings, not of unit length: of the mean over words."""
        there = numbers != PADDING
        words = self.words(numbers) + self.places[: numbers.shape[1]]
        for block in self.blocks:
            words = block(words, there)
        share = there / there.sum(dim=1, keepdim=True)
        found: Tensor = self.last((self.norm(words) * share[..., None]).sum(dim=1))
        return found


class PictureTower(nn.Sequential):
    """(N,3,S,S) normalised -> (N,D): convolutions of stride 2, so that places stay apart until the end."""

    def __init__(self, widths: Sequence[int], side: int, size: int) -> None:
        layers: list[nn.Module] = []
        for inputs, width in zip((3, *widths), widths, strict=False):
            layers += [nn.Conv2d(inputs, width, 4, 2, 1), nn.GroupNorm(4, width), nn.SiLU()]
        left = widths[-1] * (side >> len(widths)) ** 2
        super().__init__(*layers, nn.Flatten(), nn.Linear(left, 2 * size), nn.SiLU(), nn.Linear(2 * size, size))


class Towers(nn.Module):
    """Both towers and the temperature that they were trained at.

    Args:
        vocabulary: words in lower case.
        side: of the pictures that the tower sees, px; others are resized.
        widths: features of the convolutions, multiples of 4; each halves the side.
        text_width: features of a word, a multiple of 32, or less than 64.
        longest: words of a sentence, at most.
        size: dimensions of the embedding.

    Raises:
        ConfigError: sizes that do not go together.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        *,
        side: int = 32,
        widths: Sequence[int] = (32, 64, 96),
        text_width: int = 64,
        longest: int = 112,
        size: int = 96,
    ) -> None:
        super().__init__()
        check_sizes(side, widths, text_width, size, longest)
        self.vocabulary = tuple(vocabulary)
        self.settings = {
            **{"side": side, "widths": list(widths), "text_width": text_width, "longest": longest, "size": size},
            "vocabulary": list(vocabulary),
        }
        self.longest = longest
        self.prepare = Preprocess((side, side), (0.5,) * 3, (0.25,) * 3)
        self.pictures = PictureTower(widths, side, size)
        self.texts = TextTower(len(vocabulary) + 2, text_width, longest, size)
        self.log_scale = nn.Parameter(torch.tensor(1 / FIRST_TEMPERATURE).log())
        self._number = {word: number for number, word in enumerate(vocabulary, OTHER + 1)}

    @property
    def scale(self) -> Tensor:
        """What cosines are multiplied by, a scalar of at most 100."""
        return self.log_scale.exp().clamp(max=COSINES_AT_MOST)

    def see(self, image: Tensor) -> Tensor:
        """(N,3,H,W) in [-1,1] -> (N,D) of unit length; differentiable."""
        return F.normalize(self.pictures(self.prepare(image)), dim=1)

    def read(self, numbers: Tensor) -> Tensor:
        """(T,M) of `number` -> (T,D) of unit length."""
        return F.normalize(self.texts(numbers), dim=1)

    def number(self, sentences: Sequence[Sequence[str]]) -> Tensor:
        """(T,M) int64 numbers of the sentences' words, `OTHER` for unknown ones, filled up with `PADDING`."""
        most = max([1, *(len(words) for words in sentences)])
        numbers = torch.full((len(sentences), most), PADDING)
        for row, words in enumerate(sentences):
            numbers[row, : len(words)] = torch.tensor([self._number.get(word, OTHER) for word in words])
        return numbers


def save_towers(path: Path, towers: Towers) -> None:
    """Write both towers, whole or not at all: 16-bit floats, the settings in the metadata."""
    halved = {key: value.half() for key, value in towers.state_dict().items()}
    save_tensors(path, halved, {"settings": json.dumps(towers.settings, sort_keys=True)})


def load_towers(path: Path) -> Towers:
    """What `save_towers` wrote, in eval mode, without gradients of its own.

    WeightsError: no such file, or another one.
    """
    tensors, metadata = load_tensors(path)
    try:
        towers = Towers(**json.loads(metadata["settings"]))
    except (KeyError, TypeError, ValueError, RuntimeError, ConfigError) as error:
        raise WeightsError(
            f"{path}: no towers of pictures and texts ({error}); expected a file of jobs/train_text.py"
        ) from error
    fill(towers, tensors, path)
    return towers.eval().requires_grad_(False)
