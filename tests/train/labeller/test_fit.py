"""Folds end in the same bytes whatever comes between, and try again a bounded number of times."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from higan_cam.errors import ConfigError, DataError, WeightsError
from higan_cam.generate.images import from_uint8
from higan_cam.label import load_scorer
from higan_cam.label.labelled.scorer import LabelledScorer, load_labeller, mean_logit
from higan_cam.train import loop
from higan_cam.train.checkpoints import load_checkpoint, save_checkpoint
from higan_cam.train.labeller.examples import find_examples
from higan_cam.train.labeller.export import finish_labeller, fit_temperature
from higan_cam.train.labeller.figures import auroc
from higan_cam.train.labeller.fit import Lessons, fit_fold, fit_folds, is_finished, of_fold
from higan_cam.train.labeller.parts import HELD_OUT, parts_of
from higan_cam.train.labeller.settings import LabellerSettings, presented
from higan_cam.train.settings import World
from higan_cam.weights.files import save_tensors
from tests.train.labeller.conftest import ignore, write_pictures

Small = Callable[..., LabellerSettings]
LEFT = ("labeller.safetensors", "metrics.json", "predictions.csv", "labeller.md")


def bodies(settings: LabellerSettings) -> dict[str, bytes]:
    return {name: (Path(settings.output) / name).read_bytes() for name in LEFT}


def test_a_killed_training_ends_in_the_same_bytes(
    trained: LabellerSettings, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut, saves = small(checkpoint_every=1), []

    def save_then_stop(settings: LabellerSettings, state: dict[str, Any]) -> None:
        save_checkpoint(settings, state)
        saves.append(state["step"])
        if len(saves) % 5 == 0:  # within passes, at their ends, before an own part was looked at
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", save_then_stop)
        for _ in range(100):
            try:
                fit_folds(cut, ignore)
                break
            except KeyboardInterrupt:
                continue
    finish_labeller(cut)
    assert len(saves) > 20
    assert bodies(cut) == bodies(trained)


def test_any_number_of_workers_gives_the_same_bytes(trained: LabellerSettings, small: Small) -> None:
    shared = small()
    for rank in (1, 0):
        fit_folds(shared, ignore, World(rank, 2))
    finish_labeller(shared)
    assert bodies(shared) == bodies(trained)


def test_what_is_left_scores_pictures_and_has_a_gradient(trained: LabellerSettings) -> None:
    scorer = load_scorer("labelled", trained.output, output="probability")  # the folder will do
    assert isinstance(scorer, LabelledScorer)
    assert (scorer.attribute, scorer.score_range) == ("square", (0.0, 1.0))
    examples = find_examples(trained)
    image = from_uint8(examples.pictures(20))  # of another size than it sees
    score = scorer.score(image)
    assert auroc(score.double().numpy(), examples.labels) > 0.9
    logit = load_labeller(trained.output, probability=False)
    torch.testing.assert_close(torch.sigmoid(logit.score(image)), scorer.score(image))
    image.requires_grad_(True)
    logit.score(image).sum().backward()
    assert image.grad is not None
    assert bool((image.grad.abs().amax(dim=(1, 2, 3)) > 0).all())


def test_predictions_and_figures_are_those_of_the_file(trained: LabellerSettings) -> None:
    examples = find_examples(trained)
    scorer = load_labeller(trained.output)
    lines = (Path(trained.output) / "predictions.csv").read_text().splitlines()
    assert lines[0] == "index,label,part,probability"
    pictures = from_uint8(examples.pictures(trained.side))
    found = [
        (round(float(p), 3), float(line.rsplit(",", 1)[1]))
        for p, line in zip(scorer.score(pictures), lines[1:], strict=True)
        if "held out" in line
    ]
    assert len(found) == 10
    assert all(abs(ours - told) < 2e-3 for ours, told in found)
    assert int(scorer.held_out.label.sum()) == 4


def test_a_fold_that_learns_nothing_is_tried_again_so_often_and_no_more(small: Small) -> None:
    settings = small(accept=1e-9, retries=2, epochs=1)
    fit_folds(settings, ignore)
    figures = finish_labeller(settings)
    assert [(fold["attempts"], fold["accepted"]) for fold in figures["folds"]] == [(3, False), (3, False)]
    for fold in figures["folds"]:
        assert fold["loss"] == min(fold["losses"])
        assert len(set(fold["losses"])) == 3  # other weights each time


def test_held_out_pictures_stop_nothing(trained: LabellerSettings, small: Small) -> None:
    """With the labels of all held-out pictures turned over, the networks are the same."""
    other, found = small(), find_examples(trained)
    parts = parts_of(found.labels, other)
    lessons = Lessons(found.pictures(16), found.labels ^ (parts == HELD_OUT), parts)
    for number in range(2):
        fit_fold(other, lessons, number, ignore)
        ours, theirs = (load_checkpoint(of_fold(each, number)) for each in (other, trained))
        assert ours is not None
        assert theirs is not None
        assert all(torch.equal(ours["kept"][1][key], value) for key, value in theirs["kept"][1].items())


def test_other_settings_or_labels_are_another_training(trained: LabellerSettings, small: Small) -> None:
    with pytest.raises(ConfigError, match="epochs"):
        is_finished(small(output=trained.output, epochs=9), 0)
    with pytest.raises(ConfigError, match="labels have changed"):
        find_examples(small(examples="0" * 64))
    with pytest.raises(DataError, match="2 folds are not trained"):
        finish_labeller(small())


def test_a_picture_with_both_labels_or_none_is_named(small: Small, places: Path, tmp_path: Path) -> None:
    write_pictures(tmp_path / "mixed", True, 20)  # the first 16 are those of `with`
    (tmp_path / "mixed" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    with pytest.raises(ConfigError) as caught:
        find_examples(small(negative=(str(tmp_path / "mixed"),)))
    assert "17 pictures cannot be used" in str(caught.value)
    assert "broken.png: cannot be read" in str(caught.value)
    assert "the other label" in str(caught.value)
    twice = small(positive=(str(places / "with"), str(places / "with")))
    assert len(find_examples(twice).names) == 40


def test_a_picture_that_cannot_be_read_is_left_out_with_its_reason(small: Small, places: Path, tmp_path: Path) -> None:
    shutil.copytree(places / "without", tmp_path / "some")
    (tmp_path / "some" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    found, whole = find_examples(small(negative=(str(tmp_path / "some"),))), find_examples(small())
    assert list(found.unread) == [f"{tmp_path / 'some'}/broken.png"]
    assert all(found.unread.values())
    assert (found.names, found.digest, dict(whole.unread)) == (whole.names, whole.digest, {})


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.safetensors"
    save_tensors(path, {"a": torch.zeros(1)}, {})
    with pytest.raises(WeightsError, match="train_labeller"):
        load_labeller(path)


def test_the_temperature_is_the_one_that_was_put_in() -> None:
    source = np.random.default_rng(0)
    logits = torch.from_numpy(source.normal(size=(3, 40_000)) * 2)
    labels = source.uniform(size=40_000) < torch.sigmoid(logits / 2.5).mean(dim=0).numpy()
    assert fit_temperature(logits, labels) == pytest.approx(2.5, rel=0.05)


@pytest.mark.parametrize("count", [2, 30, 200])
def test_labels_that_are_all_told_apart_leave_a_doubt(count: int) -> None:
    """The less, the more of them there are; without a prior the temperature ended at the edge of the search."""
    labels = np.arange(count) < count // 2
    temperature = fit_temperature(torch.from_numpy(np.where(labels, 3.0, -3.0))[None], labels)
    doubt = 1 / (1 + np.exp(3 / temperature))
    assert 0.05 / count < doubt < 0.2 / count


def test_the_mean_of_far_logits_stays_finite() -> None:
    logits = torch.tensor([[200.0, -300.0, 0.0], [250.0, -200.0, 2.0]])
    found = mean_logit(logits, 1.0)
    assert bool(found.isfinite().all())
    assert float(torch.sigmoid(found[2])) == pytest.approx((0.5 + 1 / (1 + np.exp(-2))) / 2)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        *(("gender", "presented gender label"), ("perceived_age", "presented perceived_age label")),
        *(("woman", "presented woman label"), ("glasses", "glasses"), ("wardrobe", "wardrobe"), ("image", "image")),
        ("presented gender label", "presented gender label"),
    ],
)
def test_what_people_are_is_named_as_what_they_present(given: str, shown: str) -> None:
    assert presented(given) == shown


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"negative": ()}, "examples"),
        ({"folds": 1}, "folds"),
        ({"held_out": 0.0}, "held_out"),
        ({"backbone": "resnet81"}, "resnet18"),
        ({"retries": -1}, "retries"),
        ({"retries": 100}, "retries"),
        ({"learning_rate": float("nan")}, "learning_rate"),
    ],
)
def test_settings_that_cannot_be_are_named(small: Small, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        small(**changes)


def test_pictures_are_cut_to_the_square_in_the_middle(small: Small, tmp_path: Path) -> None:
    (tmp_path / "wide").mkdir()
    cv2.imwrite(str(tmp_path / "wide" / "a.png"), np.full((16, 40, 3), 200, np.uint8))
    found = find_examples(small(positive=(str(tmp_path / "wide"),)))
    assert found.pictures(8).shape == (25, 8, 8, 3)
