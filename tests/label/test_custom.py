"""A user's own class: what it has to offer, and what is said where it does not."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import torch

from higan_cam.config import ScorerConfig
from higan_cam.errors import ConfigError
from higan_cam.label import load_scorer, scorer_files

MODULE = '''
import torch
from torch import nn


class Red:
    """The mean of the red channel."""

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def score(self, image):
        return self.gain * image[:, 0].mean(dim=(1, 2))


class Learned(nn.Module):
    score_range = (0, 1)
    attribute = "redness"

    def __init__(self, weights: str):
        super().__init__()
        self.weights = weights
        self.layer = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 1))

    def score(self, image):
        return self.layer(image.mean(dim=(2, 3)))[:, 0].sigmoid()


class Whole(Red):
    def score(self, image):
        return super().score(image).round().long()


class Column(Red):
    def score(self, image):
        return super().score(image)[:, None]


class Numbers(Red):
    def score(self, image):
        return super().score(image).numpy()


class Meddling(Red):
    def score(self, image):
        return super().score(image.mul_(2))


class Backwards(Red):
    score_range = (1, 0)


class Silent:
    pass
'''


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "scorers_of_mine.py"
    path.write_text(dedent(MODULE))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "scorers_of_mine", raising=False)
    return path


def own(name: str, **settings: Any) -> Any:
    return load_scorer("custom", factory=f"scorers_of_mine:{name}", **settings)


def test_a_plain_class_is_a_scorer_without_bounds() -> None:
    scorer = own("Red", arguments={"gain": 2.0})
    image = torch.full((3, 3, 4, 4), 0.25)
    torch.testing.assert_close(scorer.score(image), torch.full((3,), 0.5))
    assert scorer.attribute == "Red"
    assert scorer.score_range == (-torch.inf, torch.inf)


def test_a_module_is_frozen_in_eval_mode_and_moves_with_the_scorer() -> None:
    scorer = own("Learned", weights="file.pt")
    assert not scorer.own.training
    assert not any(parameter.requires_grad for parameter in scorer.parameters())
    assert len(list(scorer.parameters())) == 2
    assert (scorer.attribute, scorer.score_range, scorer.own.weights) == ("redness", (0.0, 1.0), "file.pt")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Whole", r"score gave shape \(2,\) of torch\.int64 for 2 images, expected \(2,\) of a floating-point type"),
        ("Column", r"score gave shape \(2, 1\) of torch\.float32 for 2 images, expected \(2,\)"),
        ("Numbers", "score gave ndarray, expected a tensor"),
        ("Meddling", "changes the image that it is given"),
        ("Backwards", r"score_range is \(1, 0\), expected the lower end first"),
        ("Silent", r"makes Silent, which has no method score\(image\)"),
        ("Blue", "has no class 'Blue'"),
    ],
)
def test_what_is_wrong_with_a_class_is_named(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"scorer\.factory: .*{message}"):
        own(name)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        ("scorers_of_mine.Red", "expected module:Class, got 'scorers_of_mine.Red'"),
        ("scorers_of_yours:Red", "no module named 'scorers_of_yours'; put its folder on PYTHONPATH.*--working-dir"),
        ("broken_scorers:Red", "the module cannot be imported: invalid syntax"),
    ],
)
def test_what_cannot_be_imported_says_what_to_do(module: Path, factory: str, message: str) -> None:
    (module.parent / "broken_scorers.py").write_text("class Red(:")
    with pytest.raises(ConfigError, match=message):
        load_scorer("custom", factory=factory)


def test_arguments_that_do_not_fit_are_shown_beside_the_signature() -> None:
    with pytest.raises(ConfigError, match=r"scorer\.arguments: .*Red\(gain: float = 1\.0\).*'gian': 2.*unexpected"):
        own("Red", arguments={"gian": 2})


def test_the_module_is_a_file_that_decides_the_scores(module: Path) -> None:
    config = ScorerConfig(name="custom", factory="scorers_of_mine:Learned", weights="w.pt")
    assert scorer_files(config) == {"weights": Path("w.pt"), "factory": module}
