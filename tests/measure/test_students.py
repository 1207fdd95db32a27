"""Students on photos: one that answers with brightness finds lamps, one that answers with nothing finds none."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.config import parse_config
from higan_cam.mask.student import Student, StudentNetwork
from higan_cam.measure import students as module
from higan_cam.measure.photos import Answer, KnownPhotos
from higan_cam.measure.students import (
    HEAT_ALONE,
    LABELS,
    MASK_ALONE,
    STUDENT,
    StudentResult,
    mean_light,
    measure_student,
)
from higan_cam.pipeline import Models

SEED, COUNT = 2**61 + 6, 5
SETS = (("G1", True), ("G2", True))


class Brightness(StudentNetwork):
    """Its logits are the picture's brightness."""

    def forward(self, image: Tensor) -> Tensor:
        small = torch.nn.functional.avg_pool2d(image.mean(dim=1, keepdim=True), 2)
        return (8 * small).repeat(1, 2, 1, 1)


def measured(network: StudentNetwork, *, labels: bool = False) -> StudentResult:
    """On five photos of two grades, beside a constant map."""
    taught = (Models(None, None, torch.device("cpu")), None, None) if labels else None  # type: ignore[arg-type]
    constants = {"constant": np.ones((8, 8), np.float32)}
    return measure_student(
        Student(network, 128),
        labels=taught,  # type: ignore[arg-type]
        constants=constants,
        config=parse_config({}),
        count=COUNT,
        seed=SEED,
        sets=SETS,  # type: ignore[arg-type]
    )


def test_brightness_beats_a_constant_map_and_the_result_is_json() -> None:
    result = measured(Brightness((4, 6)))
    rows = {(row.photos, row.method): row.estimates for row in result.rows}
    assert set(rows) == {(p, m) for p in ("G1", "G2") for m in (STUDENT, HEAT_ALONE, MASK_ALONE, "constant")}
    for grade in ("G1", "G2"):
        assert rows[grade, STUDENT]["ap_light"].value > rows[grade, "constant"]["ap_light"].value + 0.1
    text = json.dumps(result.to_json(), allow_nan=False)
    assert json.loads(text)["parameters"] == sum(p.numel() for p in Brightness((4, 6)).parameters())
    assert result.milliseconds > 0


def test_labels_are_made_once_and_moved_and_compared_photo_by_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[KnownPhotos] = []

    def known(_: object, __: object, ___: object, photos: KnownPhotos) -> Answer:
        calls.append(photos)
        return Answer(photos.lit.astype(np.float32), photos.lit)

    monkeypatch.setattr(module, "label_answer", known)
    rows = {(row.photos, row.method): row for row in measured(Brightness((4, 6)), labels=True).rows}
    assert [each.grade for each in calls] == ["G1"]
    assert rows["G1", LABELS].estimates["iou"].value == 1
    assert rows["G2", LABELS].estimates["iou"].value > 0.9  # moved along
    assert not rows["G1", LABELS].ahead
    for row in (rows["G1", STUDENT], rows["G2", "constant"]):
        own, labels = row.estimates["iou"].value, rows[row.photos, LABELS].estimates["iou"].value
        assert row.ahead["iou"].value == pytest.approx(own - labels)


def test_mean_light_is_a_share_at_every_pixel() -> None:
    light = mean_light(SEED, 6, 64)
    assert light.shape == (64, 64)
    np.testing.assert_allclose(np.unique(np.rint(light * 6)), np.unique(light * 6), atol=1e-5)
    assert 0 < light.max() <= 1
