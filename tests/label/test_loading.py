"""Scorers from files: what was saved scores the same; what does not fit is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from higan_cam.errors import ConfigError, WeightsError
from higan_cam.label import LightingScorer, load_places365_resnet18, load_scorer
from higan_cam.label.resnet import ResNet18
from higan_cam.weights.files import save_tensors

SETTINGS = {"width": 4, "input_size": 32}
IMAGE = torch.linspace(-1, 1, 3 * 32 * 32).view(1, 3, 32, 32)


def saved(path: Path, scorer: LightingScorer, settings: Any = SETTINGS) -> Path:
    save_tensors(path, scorer.state_dict(), {"settings": json.dumps(settings)})
    return path


@pytest.fixture
def scorer() -> LightingScorer:
    torch.manual_seed(0)
    return LightingScorer(width=4, input_size=32).eval()


def test_a_saved_scorer_scores_the_same(scorer: LightingScorer, tmp_path: Path) -> None:
    loaded = load_scorer("lighting", saved(tmp_path / "s.safetensors", scorer))
    torch.testing.assert_close(loaded.score(IMAGE), scorer.score(IMAGE), atol=1e-5, rtol=1e-4)
    assert not loaded.score(IMAGE).requires_grad


def test_an_unknown_name_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"scorer\.name.*'lightning'.*Did you mean 'lighting'"):
        load_scorer("lightning", tmp_path / "s.safetensors")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"none\.safetensors: no such"):
        load_scorer("lighting", tmp_path / "none.safetensors")


@pytest.mark.parametrize(
    "settings", [{}, {"width": 4}, [4, 32], {"width": "wide", "input_size": 32}, {"width": 0, "input_size": 32}]
)
def test_unusable_settings_are_refused(scorer: LightingScorer, tmp_path: Path, settings: Any) -> None:
    with pytest.raises(WeightsError, match=r"s\.safetensors: no usable 'settings'.*train_scorer"):
        load_scorer("lighting", saved(tmp_path / "s.safetensors", scorer, settings))


def test_a_file_without_settings_is_refused(scorer: LightingScorer, tmp_path: Path) -> None:
    save_tensors(tmp_path / "s.safetensors", scorer.state_dict(), {})
    with pytest.raises(WeightsError, match="no usable 'settings'"):
        load_scorer("lighting", tmp_path / "s.safetensors")


def test_shapes_that_do_not_fit_are_named(scorer: LightingScorer, tmp_path: Path) -> None:
    path = saved(tmp_path / "s.safetensors", scorer, {"width": 8, "input_size": 32})
    with pytest.raises(WeightsError, match=r"does not fit LightingScorer: .* is \(4,.*expected \(8,"):
        load_scorer("lighting", path)


def test_missing_and_unexpected_keys_are_counted(scorer: LightingScorer, tmp_path: Path) -> None:
    tensors = scorer.state_dict()
    tensors["head.other"] = tensors.pop("head.weight")
    save_tensors(tmp_path / "s.safetensors", tensors, {"settings": json.dumps(SETTINGS)})
    with pytest.raises(
        WeightsError, match=r"1 missing keys, e\.g\. head\.weight; 1 unexpected keys, e\.g\. head\.other"
    ):
        load_scorer("lighting", tmp_path / "s.safetensors")


@pytest.mark.parametrize("best", [54.3, torch.tensor(54.3)])
def test_the_published_places365_layout_loads(tmp_path: Path, best: Any) -> None:
    torch.manual_seed(0)
    network = ResNet18(width=64, classes=365).eval()
    prefixed = {f"module.{k}": v for k, v in network.state_dict().items() if not k.endswith("num_batches_tracked")}
    file = {"epoch": 90, "arch": "resnet18", "state_dict": prefixed, "best_prec1": best}
    torch.save(file, tmp_path / "p.pth")
    loaded = load_places365_resnet18(tmp_path / "p.pth")
    with torch.no_grad():
        assert torch.equal(loaded(IMAGE), network(IMAGE))


def test_another_network_is_not_places365(scorer: LightingScorer, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="does not fit ResNet18"):
        load_places365_resnet18(saved(tmp_path / "s.safetensors", scorer))
