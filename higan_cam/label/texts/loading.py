"""Networks that know pictures and texts, by name or file: the embedded one of rooms, one's own, or open_clip's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from higan_cam.config import ScorerConfig
from higan_cam.errors import ConfigError
from higan_cam.label.clip import open_clip_model
from higan_cam.label.preprocess import Preprocess
from higan_cam.label.texts.towers import Towers, load_towers
from higan_cam.weights.embedded import EMBEDDED_TEXTS, embedded_path
from higan_cam.weights.files import load_tensors
from higan_cam.weights.kinds import kind_of
from higan_cam.weights.paths import expanded
from higan_cam.worlds.words import words_of


class TextModel(Protocol):
    """What knows pictures and texts; its embeddings have unit length."""

    def encode_pictures(self, pictures: Tensor) -> Tensor:
        """(N,3,H,W) in [0,1] -> (N,D); differentiable."""
        ...

    def encode_words(self, texts: Sequence[str]) -> Tensor:
        """N texts -> (N,D). ConfigError: a text that means nothing to it."""
        ...


def load_text_model(name: str = "rooms", arch: str | None = None) -> TextModel:
    """A network that knows pictures and texts, ready for use.

    Args:
        name: `rooms` (embedded: procedural rooms, a closed vocabulary), a file of `jobs/train_text.py`, or that of an
            open_clip model, which needs `pip install 'higan-cam[clip]'`. Nothing is downloaded.
        arch: open_clip's name of the architecture; None reads `open_clip_config.json` beside the file.

    Raises:
        ConfigError: open_clip is not installed, an architecture that it does not know, that is not said, or that is
            said of what is embedded.
        WeightsError: a file that is missing or does not fit.
    """
    path = text_model_file(name)
    if name in EMBEDDED_TEXTS and arch is not None:
        raise ConfigError(
            f"arch: {name!r} is embedded and knows its own, {arch!r} is of open_clip's files; leave it out"
        )
    if name in EMBEDDED_TEXTS or (arch is None and _is_towers(path)):
        return RoomsTexts(load_towers(path))
    return OpenClipTexts(*open_clip_model(ScorerConfig(name="clip", weights=name, arch=arch, target="a", against="b")))


def text_model_file(name: str) -> Path:
    """The file of what `load_text_model` calls so, there or not."""
    return embedded_path(EMBEDDED_TEXTS[name].file) if name in EMBEDDED_TEXTS else expanded(name)


class RoomsTexts(nn.Module):
    """Two towers with a closed vocabulary. Satisfies `TextModel`."""

    def __init__(self, towers: Towers) -> None:
        super().__init__()
        self.towers = towers

    def encode_pictures(self, pictures: Tensor) -> Tensor:
        """See `TextModel`."""
        return self.towers.see(2 * pictures - 1)

    @torch.no_grad()
    def encode_words(self, texts: Sequence[str]) -> Tensor:
        """See `TextModel`. ConfigError: no word, too many, or one that the vocabulary lacks, and what it has."""
        known = self.towers.vocabulary
        sentences = [words_of(text) for text in texts]
        for text, words in zip(texts, sentences, strict=True):
            if not 0 < len(words) <= self.towers.longest:
                raise ConfigError(f"text {text!r}: has {len(words)} words; 1 to {self.towers.longest} are read")
            for word in words:
                if word not in known:
                    raise ConfigError(
                        f"text {text!r}: the word {word!r} is not known here; known are {', '.join(known)}"
                    )
        parameter = next(self.towers.parameters())
        return self.towers.read(self.towers.number(sentences).to(parameter.device))


class OpenClipTexts(nn.Module):
    """A model of open_clip's. Satisfies `TextModel`."""

    def __init__(self, model: Any, prepare: Preprocess, encode: Callable[[Sequence[str]], Tensor]) -> None:
        super().__init__()
        self.model, self.prepare, self._encode = model, prepare, encode

    def encode_pictures(self, pictures: Tensor) -> Tensor:
        """See `TextModel`."""
        found: Tensor = self.model.encode_image(self.prepare(2 * pictures - 1), normalize=True)
        return found

    def encode_words(self, texts: Sequence[str]) -> Tensor:
        """See `TextModel`; words that are not known are read in parts."""
        return self._encode(texts)


def _is_towers(path: Path) -> bool:
    return (
        path.is_file() and kind_of(path) == "safetensors" and "vocabulary" in load_tensors(path)[1].get("settings", "")
    )
