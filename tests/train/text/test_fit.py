"""Training the towers: what is true is no negative, it goes on from its checkpoint, and leaves what others load."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.errors import ConfigError
from higan_cam.label.texts import load_text_model
from higan_cam.label.texts.towers import Towers
from higan_cam.rooms.statements import KEYS, UNKNOWN, VALUES, statement
from higan_cam.train.settings import Progress, World
from higan_cam.train.text.export import train_and_export_towers
from higan_cam.train.text.figures import retrieval, statements
from higan_cam.train.text.fit import contrast, fit_towers
from higan_cam.train.text.lessons import Lesson, Lessons
from higan_cam.train.text.settings import TextSettings
from higan_cam.worlds.words import words_of


def nobody(_: Progress) -> None:
    """Nothing to say."""


@pytest.fixture
def settings(tmp_path: Path) -> TextSettings:
    return TextSettings(
        output=str(tmp_path / "out"),
        side=32,
        widths=(4, 8),
        text_width=8,
        size=8,
        samples=2,
        steps=4,
        batch=8,
        checkpoint_every=2,
        held_out=100,
    )


def test_training_goes_on_from_its_checkpoint_to_the_same_weights(settings: TextSettings, tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    class Stopping(Lessons):
        def draw(self, places: range) -> Lesson:
            if places.start >= 3 * 8:
                raise StoppedError
            return super().draw(places)

    whole = fit_towers(replace(settings, output=str(tmp_path / "whole")), nobody)
    with pytest.raises(StoppedError):
        fit_towers(settings, nobody, lessons=Stopping(settings))
    again = fit_towers(settings, nobody)
    for one, other in zip(whole.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_what_is_left_is_loaded_and_measured(settings: TextSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    few = replace(settings, steps=1)
    monkeypatch.setattr("higan_cam.train.text.figures.generated", lambda z, side: torch.zeros(len(z), 3, side, side))
    train_and_export_towers(few, nobody, World())
    output = Path(few.output)
    model = load_text_model(str(output / "text.safetensors"))
    assert model.encode_words(["two lamps are on"]).shape == (1, 8)
    figures = json.loads((output / "metrics.json").read_text())
    assert 0 <= figures["renders"]["text to picture"]["R@1"]["value"] <= 1
    assert set(figures["samples"]["statements"]) == {"all", *KEYS}
    assert "| picture to text, R@5 |" in (output / "text.md").read_text()


LOGITS = torch.tensor([[2.0, 1.0], [0.5, 3.0]])


def test_what_is_true_of_both_is_compared_with_nothing_and_costs_nothing() -> None:
    logits = LOGITS.clone().requires_grad_()
    loss = contrast(logits, torch.ones(2, 2, dtype=torch.long))
    loss.backward()
    assert loss.detach() == 0
    assert logits.grad is not None
    assert float(logits.grad.abs().max()) == 0


def test_a_true_pair_costs_by_what_is_false_beside_it() -> None:
    truth = torch.tensor([[1, 0], [0, 1]])
    expected = -sum(torch.log_softmax(each, 1).diagonal().mean() for each in (LOGITS, LOGITS.T)) / 2
    torch.testing.assert_close(contrast(LOGITS, truth), expected)
    unknown = torch.tensor([[1, -1], [0, 1]])
    assert float(contrast(LOGITS, unknown)) < float(expected)


def test_a_lesson_has_true_and_false_sentences_for_each_picture(settings: TextSettings) -> None:
    lesson = Lessons(replace(settings, sampled_share=0.0)).draw(range(8, 16))
    assert lesson.images.shape == (8, 3, 64, 64)
    assert len(lesson.truth) == sum(map(len, lesson.sentences)) == 16
    assert (lesson.truth[0::2].diagonal() == 1).all()
    assert (lesson.truth[1::2].diagonal() == 0).all()


class Knowing(Towers):
    """Reads one fact off the sentence's words."""

    def __init__(self) -> None:
        super().__init__(("red", "blue"), side=32, widths=(4, 8), text_width=8)

    def read(self, numbers: Tensor) -> Tensor:
        return torch.stack([(numbers == 2).any(dim=1).float(), (numbers == 3).any(dim=1).float()], dim=1)


def test_towers_that_know_one_fact_are_right_about_that_one() -> None:
    facts = np.full((100, len(KEYS)), UNKNOWN)
    hue = KEYS.index("rug_hue")
    facts[:, hue] = np.arange(100) % 2  # blue, red
    seen = torch.eye(2)[torch.from_numpy(1 - facts[:, hue])]
    found = statements(Knowing(), seen, facts)
    assert set(found) == {"all", "rug_hue"}
    assert found["rug_hue"]["value"] == 1
    assert VALUES["rug_hue"] == ("blue", "red")
    assert "red" in words_of(statement({"rug_hue": 1}, np.random.default_rng(0)).text)


class Told(Towers):
    """Reads every sentence as the next of (T,D) vectors."""

    def __init__(self, vectors: Tensor) -> None:
        super().__init__(("a",), side=32, widths=(4,), text_width=8)
        self.vectors = vectors

    def read(self, numbers: Tensor) -> Tensor:
        return self.vectors[: len(numbers)]


@pytest.mark.parametrize(
    ("vectors", "found"),
    [(torch.eye(100), 1), (torch.ones(100, 100) / 10, 0), (torch.full((100, 100), torch.nan), 0)],
)
def test_each_caption_finds_its_room_and_what_tells_nothing_apart_finds_none(vectors: Tensor, found: int) -> None:
    facts = np.zeros((100, len(KEYS)), np.int64)
    told = retrieval(Told(vectors), vectors, facts)
    assert [told[way][best]["value"] for way in told for best in ("R@1", "R@5")] == [found] * 4


@pytest.mark.parametrize(
    "wrong",
    [
        *({"side": 40}, {"steps": 0}, {"sampled_share": 1.5}, {"held_out": 150}, {"seed": -1}, {"learning_rate": -1.0}),
        *({"learning_rate": float("nan")}, {"spelled": -0.1}, {"widths": (30,)}, {"widths": ()}, {"widths": (4,) * 6}),
        *({"text_width": 100}, {"size": 0}),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: TextSettings, wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        replace(settings, **wrong)  # type: ignore[arg-type]
