"""Text prompts as scorers: what CLIP (Radford et al., ICML 2021) finds nearer to one prompt than to another.

With unit embeddings f of the picture, a and b of the two prompts, and the model's temperature s, the logit is
s f.(a - b) and the probability its sigmoid, which is the softmax over the two prompts. Needs open_clip.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from higan_cam.config import ScorerConfig
from higan_cam.errors import ConfigError, WeightsError, unknown_name
from higan_cam.label.preprocess import Preprocess
from higan_cam.weights.files import unreadable
from higan_cam.weights.kinds import known_kind
from higan_cam.weights.paths import expanded

INSTALL = "pip install 'higan-cam[clip]'"
FOLDER_FILE = "open_clip_config.json"
_TEXT_TOWER = ("transformer", "token_embedding", "text", "text_decoder")


class PromptScorer(nn.Module):
    """Nearness to one prompt rather than another. Satisfies the `Scorer` protocol.

    Args:
        attribute: the prompt for much of it.
        model: open_clip's.
        prepare: what the model wants done to a picture first.
        prompts: (2,D) unit embeddings of the prompts for much and for little.
        probability: the softmax of the two instead of the difference of their logits.
    """

    def __init__(
        self, attribute: str, model: nn.Module, prepare: Preprocess, prompts: Tensor, *, probability: bool
    ) -> None:
        super().__init__()
        self.attribute = attribute
        self.score_range = (0.0, 1.0) if probability else (-torch.inf, torch.inf)
        self.model, self.prepare, self.probability = model, prepare, probability
        scale: Tensor = model.get_parameter("logit_scale").exp()
        self.register_buffer("prompts", prompts, persistent=False)
        self.register_buffer("direction", scale * (prompts[0] - prompts[1]), persistent=False)

    def embed(self, image: Tensor) -> Tensor:
        """(N,3,H,W) in [-1,1] -> (N,D) unit embeddings, comparable with `prompts`."""
        embedding: Tensor = self.model.encode_image(self.prepare(image), normalize=True)  # type: ignore[operator]
        return embedding

    def score(self, image: Tensor) -> Tensor:
        """See `types.Scorer`."""
        logit = self.embed(image) @ self.get_buffer("direction")
        return logit.sigmoid() if self.probability else logit


def clip_scorer(config: ScorerConfig) -> PromptScorer:
    """The model `config.arch` with the local file `config.weights`, and two prompts; errors as `open_clip_model`."""
    model, prepare, encode = open_clip_model(config)
    prompts = encode([str(config.target), str(config.against)])
    for tower in _TEXT_TOWER:  # the prompts are known; workers need not hold it
        if hasattr(model, tower):
            delattr(model, tower)
    return PromptScorer(str(config.target), model, prepare, prompts, probability=config.output == "probability")


def open_clip_model(config: ScorerConfig) -> tuple[Any, Preprocess, Callable[[Sequence[str]], Tensor]]:
    """The model `config.arch` with the local file `config.weights`; nothing is downloaded.

    Without `arch`, the configuration is `open_clip_config.json` in the folder of the weights (open_clip's `local-dir`).

    Returns:
        open_clip's model; what it wants done to a picture first; T texts -> (T,D) of unit length.

    Raises:
        ConfigError: open_clip is not installed, an unknown architecture, or a tokenizer that is not here.
        WeightsError: a file that is missing or does not fit.
    """
    try:
        import open_clip
    except ModuleNotFoundError as error:
        raise ConfigError(f"scorer.name: clip needs {error.name}, which is not installed; {INSTALL}") from error
    path = expanded(config.weights)
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file; scorer.weights names the file of a CLIP model")
    known_kind(path)
    name = _model_name(open_clip, config, path)
    model = _load(open_clip, name, path)
    try:
        tokenizer = open_clip.get_tokenizer(name)
    except OSError as error:
        raise ConfigError(f"scorer.arch: the tokenizer of {name} is not on this machine: {error}") from error

    @torch.no_grad()
    def encode(texts: Sequence[str]) -> Tensor:
        tokens = tokenizer(list(texts)).to(next(model.parameters()).device)  # which may have moved since
        found: Tensor = model.encode_text(tokens, normalize=True)
        return found.clone()

    return model, _preprocess(open_clip.get_model_preprocess_cfg(model)), encode


def _model_name(open_clip: Any, config: ScorerConfig, path: Path) -> str:
    if config.arch is not None:
        if config.arch not in open_clip.list_models():
            raise unknown_name("scorer.arch", config.arch, open_clip.list_models())
        return config.arch
    if not (path.parent / FOLDER_FILE).is_file():
        raise ConfigError(
            f"scorer.arch: name the model, such as ViT-B-32, or put its {FOLDER_FILE} beside {path} (there is none)"
        )
    return f"local-dir:{path.parent}"


def _load(open_clip: Any, name: str, path: Path) -> Any:
    """The model in eval mode with exactly this file's weights, whatever else lies in its folder."""
    root = logging.getLogger()
    root.addFilter(_not_about_random_weights)  # open_clip says so on the root logger before they are loaded
    try:
        model = open_clip.create_model(name, load_weights=False, pretrained_text=False)
        open_clip.load_checkpoint(model, str(path), weights_only=True)
    except pickle.UnpicklingError as error:
        raise unreadable(path, error) from error
    except (RuntimeError, ValueError, KeyError, OSError) as error:
        reason = " ".join(str(error).split())[:300]
        raise WeightsError(f"{path}: does not fit {name}, or is not readable without running code: {reason}") from error
    finally:
        root.removeFilter(_not_about_random_weights)
    return model.eval().requires_grad_(False)


def _not_about_random_weights(record: logging.LogRecord) -> bool:
    return "No pretrained weights loaded" not in record.getMessage()


def _preprocess(settings: dict[str, Any]) -> Preprocess:
    size = settings["size"]
    height, width = (size, size) if isinstance(size, int) else size
    mode = "bilinear" if settings["interpolation"] == "bilinear" else "bicubic"
    return Preprocess((int(height), int(width)), tuple(settings["mean"]), tuple(settings["std"]), mode)  # type: ignore[arg-type]
