"""Text prompts through a tiny random model of open_clip's own making, from a local folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from higan_cam.config import ScorerConfig
from higan_cam.errors import ConfigError, WeightsError
from higan_cam.label import load_scorer
from higan_cam.label.clip import open_clip_model
from higan_cam.weights.files import save_tensors

PROMPTS = {"target": "a brightly lit bedroom", "against": "a dark bedroom"}
IMAGE = torch.rand(2, 3, 40, 40, generator=torch.Generator().manual_seed(0)) * 2 - 1
CONFIG = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as open_clip keeps models: the configuration, and the weights beside it."""
    open_clip = pytest.importorskip("open_clip")
    folder = tmp_path_factory.mktemp("clip")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": CONFIG, "preprocess_cfg": {}}))
    torch.manual_seed(0)
    save_tensors(folder / "open_clip_model.safetensors", open_clip.model.CLIP(**CONFIG).state_dict(), {})
    return folder / "open_clip_model.safetensors"


@torch.no_grad()
def test_the_score_is_the_softmax_over_the_two_prompts(weights: Path) -> None:
    import open_clip

    model = open_clip.create_model(f"local-dir:{weights.parent}").eval()
    tokens = open_clip.get_tokenizer(f"local-dir:{weights.parent}")([PROMPTS["target"], PROMPTS["against"]])
    logit, probability = (load_scorer("clip", weights, **PROMPTS, output=kind) for kind in (None, "probability"))
    prepared: Any = logit
    image = prepared.prepare(IMAGE)
    pair = model(image, tokens)
    expected = pair[2] * pair[0] @ pair[1].T
    torch.testing.assert_close(probability.score(IMAGE), expected.softmax(1)[:, 0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(logit.score(IMAGE), expected[:, 0] - expected[:, 1], atol=1e-5, rtol=1e-4)
    assert probability.score_range == (0.0, 1.0)
    assert logit.attribute == PROMPTS["target"]


def test_scores_are_differentiable_and_the_text_tower_is_gone(weights: Path) -> None:
    scorer: Any = load_scorer("clip", weights, **PROMPTS)
    image = IMAGE.clone().requires_grad_()
    scorer.score(image).sum().backward()
    assert image.grad is not None
    assert float(image.grad.abs().max()) > 0
    assert not [name for name, _ in scorer.named_parameters() if "token_embedding" in name]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"target": "lit"}, r"scorer\.against: clip needs one"),
        ({**PROMPTS, "arch": "ViT-B32"}, r"scorer\.arch.*Did you mean 'ViT-B-32'"),
    ],
)
def test_settings_that_are_wrong_are_named(weights: Path, settings: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_scorer("clip", weights, **settings)


def test_texts_are_read_where_the_model_has_moved_to(weights: Path) -> None:
    model, _, encode = open_clip_model(ScorerConfig(name="clip", weights=str(weights), **PROMPTS))
    model.to("meta")
    read: list[str] = []
    model.token_embedding.register_forward_pre_hook(lambda _, given: read.append(given[0].device.type))
    encode(["a room"])
    assert read == ["meta"]


def test_a_file_of_another_model_is_refused(weights: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.safetensors"
    save_tensors(other, {"a": torch.zeros(1)}, {})
    with pytest.raises(ConfigError, match=r"name the model, such as ViT-B-32, or put its open_clip_config\.json"):
        load_scorer("clip", other, **PROMPTS)
    (tmp_path / "open_clip_config.json").write_text((weights.parent / "open_clip_config.json").read_text())
    with pytest.raises(WeightsError, match=r"other\.safetensors: does not fit local-dir"):
        load_scorer("clip", other, **PROMPTS)


def test_a_missing_package_says_how_to_install_it(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(ConfigError, match=r"pip install 'higan-cam\[clip\]'"):
        load_scorer("clip", weights, **PROMPTS)
