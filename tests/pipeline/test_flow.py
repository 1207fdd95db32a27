"""The pure flow on the embedded model, without Ray: edits answer, masks mark what changed, nothing is made up."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.config import EditConfig, RunConfig, ScorerConfig, parse_config
from higan_cam.errors import ConfigError, DataError
from higan_cam.generate import to_uint8
from higan_cam.manipulate import calibrated_ends
from higan_cam.pipeline import (
    Models,
    attribute_unit,
    edit_for,
    edited_ends,
    label_and_fit,
    label_by_all,
    label_unit,
    w_plus_of,
    why_unlabelled,
)
from higan_cam.pipeline.finishing import judge_of, mask_samples
from higan_cam.types import Boundary, Generator, Sample, Scorer, WorkUnit


@pytest.fixture(scope="module")
def samples(models: Models, config: RunConfig, boundary: Boundary) -> list[Sample]:
    return mask_samples(models.scorer, config, attribute_unit(models, config, boundary, WorkUnit(0, 0, 24)))


def test_a_samples_score_does_not_depend_on_its_unit(models: Models, config: RunConfig) -> None:
    whole = label_unit(models, config, WorkUnit(0, 0, 32))[1]
    part = label_unit(models, config, WorkUnit(1, 16, 32))[1]
    np.testing.assert_array_equal(whole[16:], part)


def test_masks_are_published_at_the_size_of_the_image_and_mark_what_changed(samples: list[Sample]) -> None:
    made = [sample for sample in samples if sample.status == "ok"]
    assert len(made) >= 20
    for sample in made:
        assert sample.mask.shape == sample.image.shape[:2]
        assert set(np.unique(sample.mask)) == {0, 255}
        change = np.abs(sample.image.astype(float) - sample.negative).mean(axis=2)
        assert change[sample.mask > 0].mean() > 2 * change[sample.mask == 0].mean()


def test_figures_are_finite_and_scores_are_those_of_the_published_pictures(samples: list[Sample]) -> None:
    for sample in samples:
        values = (sample.score, sample.score_negative, sample.score_positive, sample.retention, sample.necessity)
        assert np.isfinite(values).all()
        assert 0 <= sample.coverage <= 1
    assert np.mean([sample.score_positive - sample.score_negative for sample in samples]) > 1.0


def test_calibrated_edits_end_at_their_target_scores_and_say_so(
    models: Models, config: RunConfig, boundary: Boundary
) -> None:
    settings = config.model_copy(update={"edit": EditConfig(targets=(0.6, 2.2), distance=6.0)})
    made = mask_samples(models.scorer, settings, attribute_unit(models, settings, boundary, WorkUnit(0, 0, 6)))
    reached = [sample for sample in made if sample.reached]
    assert len(reached) >= 5
    for sample in reached:  # of the published 8-bit pictures, hence a little more than the tolerance
        assert sample.score_negative == pytest.approx(0.6, abs=0.08)
        assert sample.score_positive == pytest.approx(2.2, abs=0.08)
        assert -6 <= sample.distance_negative < sample.distance_positive <= 6


def test_calibration_runs_the_layers_below_the_edit_once_and_finds_the_same_ends(
    models: Models, config: RunConfig, boundary: Boundary, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config.model_copy(update={"edit": EditConfig(distance=6, targets=(0.6, 2.2), layers="5-8")})
    edit = edit_for(models, settings, boundary)
    w_plus = w_plus_of(models, settings, range(2))

    def whole(codes: Tensor) -> Tensor:
        return models.scorer.score(models.generator.synthesize(codes)[0])

    with torch.inference_mode():
        expected = calibrated_ends(whole, w_plus, boundary, edit, settings.edit, models.scorer.score_range)
        firsts: list[int] = []
        layer_by_layer = type(models.generator).advance

        def counted(self: Generator, codes: Tensor, stop: int, *rest: Any, **named: Any) -> Any:
            start = named.get("start", rest[1] if len(rest) > 1 else None)
            firsts.append(0 if start is None else start.layer)
            return layer_by_layer(self, codes, stop, *rest, **named)

        monkeypatch.setattr(type(models.generator), "advance", counted)
        found = edited_ends(models, settings, boundary, w_plus)
    assert torch.equal(found.negative, expected.negative)
    assert torch.equal(found.positive, expected.positive)
    np.testing.assert_array_equal(found.reached, expected.reached)
    assert (firsts.count(0), firsts.count(5)) == (1, 19)


def test_masks_hold_more_of_the_change_than_the_same_masks_elsewhere(samples: list[Sample]) -> None:
    found = [sample for sample in samples if sample.status == "ok"]
    for figure in ("retention", "necessity"):
        own, random = ([getattr(sample, name) for sample in found] for name in (figure, f"{figure}_random"))
        assert np.mean(own) > np.mean(random)


def test_a_second_scorer_judges_too_and_changes_nothing_else(
    models: Models, config: RunConfig, boundary: Boundary, samples: list[Sample]
) -> None:
    pairs = attribute_unit(models, config, boundary, WorkUnit(0, 0, 8))

    def judged(second: ScorerConfig | None) -> list[Sample]:
        mask = config.mask.model_copy(update={"second_scorer": second})
        return mask_samples(models.scorer, config.model_copy(update={"mask": mask}), pairs)

    for before, alone, twice in zip(samples, judged(None), judged(config.scorer), strict=False):
        assert np.isnan([alone.retention_second, alone.necessity_second]).all()
        for other in (alone, twice):
            assert (other.retention, other.retention_random) == (before.retention, before.retention_random)
        seconds = (twice.retention_second, twice.necessity_second)
        assert seconds == pytest.approx((before.retention, before.necessity), abs=1e-4)


def test_a_second_scorer_that_is_there_is_not_built_again(
    models: Models, config: RunConfig, boundary: Boundary, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = attribute_unit(models, config, boundary, WorkUnit(0, 0, 1))
    judge = judge_of(config, models.scorer)
    assert judge is not None
    built: list[ScorerConfig] = []
    monkeypatch.setattr("higan_cam.pipeline.finishing.judge_of", lambda settings, _: built.append(settings))
    (sample,) = mask_samples(models.scorer, config, pairs, judge)
    assert np.isfinite(sample.retention_second)
    assert not built


def test_the_embedded_second_scorer_confirms_masks_without_repeating_the_first(samples: list[Sample]) -> None:
    found = [sample for sample in samples if sample.status == "ok"]
    for figure in ("retention", "necessity"):
        own, second, random = (
            np.array([getattr(sample, figure + kind) for sample in found]) for kind in ("", "_second", "_random")
        )
        assert second.mean() > random.mean() + 0.2
        assert 1e-3 < abs(second - own).mean() < 0.3


def test_the_embedded_second_scorer_judges_the_embedded_scorers_runs_alone() -> None:
    asked = [
        parse_config({"scorer": scorer, "mask": {"second_scorer": second} if second is not ... else {}}).judge
        for scorer, second in (({}, ...), ({"name": "luminance"}, ...), ({}, None), ({}, {"name": "warmth"}))
    ]
    names = [None if one is None else (one.name, one.weights) for one in asked]
    assert names == [("lighting", "rooms_second"), None, None, ("warmth", "rooms")]


def test_scores_that_no_edit_can_have_are_refused(models: Models, config: RunConfig, boundary: Boundary) -> None:
    settings = config.model_copy(update={"edit": EditConfig(targets=(0.6, 7.0))})
    with pytest.raises(ConfigError, match=r"edit\.targets must be two rising scores within the scorer's 0 to 3"):
        attribute_unit(models, settings, boundary, WorkUnit(0, 0, 2))


class Counting:
    """A generator that counts how many samples pass each of its layers."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self.passed: Counter[int] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.generator, name)

    def advance(self, w_plus: Tensor, stop: int, taps: Any = (), start: Any = None) -> Any:
        self._count(w_plus, start, stop)
        return self.generator.advance(w_plus, stop, taps, start)

    def synthesize(self, w_plus: Tensor, taps: Any = (), start: Any = None) -> Any:
        self._count(w_plus, start, len(self.generator.layer_resolutions))
        return self.generator.synthesize(w_plus, taps, start)

    def _count(self, w_plus: Tensor, start: Any, stop: int) -> None:
        self.passed.update({layer: len(w_plus) for layer in range(start.layer if start else 0, stop)})


def test_layers_below_the_edit_run_once_and_the_others_once_for_each_picture(
    models: Models, config: RunConfig, boundary: Boundary
) -> None:
    counting = Counting(models.generator)
    edited = config.model_copy(update={"edit": EditConfig(layers="6-9")})
    seen = attribute_unit(replace(models, generator=counting), edited, boundary, WorkUnit(0, 0, 4))
    assert counting.passed == {layer: 4 if layer < 6 else 12 for layer in range(11)}
    plain = models.generator.synthesize(w_plus_of(models, config, range(4)))[0]
    np.testing.assert_allclose(seen.original, to_uint8(plain), atol=1)


class Lacking:
    """Brightness, in the place of a network that may find nothing: none of pictures darker than `floor`."""

    attribute, score_range, may_lack = "brightness", (0.0, 1.0), True

    def __init__(self, floor: float) -> None:
        self.floor, self.looks_with, self.looks = floor, self, 0

    def score(self, image: Tensor) -> Tensor:
        return self.read(self.look(image))

    def look(self, image: Tensor) -> Tensor:
        self.looks += 1
        return ((image.clamp(-1, 1) + 1) / 2).mean(dim=(1, 2, 3))

    def read(self, seen: Tensor) -> Tensor:
        return torch.where(seen < self.floor, torch.nan, seen)

    def reasons(self, seen: Tensor) -> tuple[str, ...]:
        return tuple("too dark" if dark else "" for dark in (seen < self.floor).tolist())


def test_pictures_without_a_label_are_in_no_tail_and_no_fit_and_say_why(models: Models, config: RunConfig) -> None:
    few = config.model_copy(
        update={
            "label": config.label.model_copy(update={"count": 24, "micro_batch": 12}),
            "boundary": config.boundary.model_copy(update={"tails": 4}),
        }
    )
    unit = WorkUnit(0, 0, 24)
    every = label_unit(replace(models, scorer=Lacking(0.0)), few, unit)[1]
    floor = float(np.median(every)) - 1e-4
    lacking = replace(models, scorer=Lacking(floor))
    indices, scores = label_unit(lacking, few, unit)
    unlabelled = np.isnan(scores)
    assert 6 < unlabelled.sum() < 18
    reasons = why_unlabelled(lacking, few, indices.tolist())
    assert [reason == "too dark" for reason in reasons] == unlabelled.tolist()
    boundary = label_and_fit(lacking, few)
    assert boundary.metrics["score_thresholds"]["lowest_max"] >= floor
    assert np.isfinite(boundary.normal).all()
    with pytest.raises(DataError, match=r"has none for any of 24 samples"):
        label_and_fit(replace(models, scorer=Lacking(2.0)), few)


def test_scorers_that_look_with_the_same_network_look_once_a_batch(models: Models, config: RunConfig) -> None:
    small = config.model_copy(update={"label": config.label.model_copy(update={"micro_batch": 4})})
    first, second = Lacking(0.0), Lacking(0.5)
    second.looks_with = first
    scorers: list[Scorer] = [first, second, models.scorer]
    _, scores = label_by_all(models, scorers, small, WorkUnit(0, 0, 12))
    assert (first.looks, second.looks) == (3, 0)
    np.testing.assert_array_equal(scores[2], label_unit(models, small, WorkUnit(0, 0, 12))[1])
    assert np.isnan(scores[1]).any() or (scores[1] == scores[0]).all()
