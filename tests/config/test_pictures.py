"""The section `invert`."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from higan_cam.config.pictures import InvertConfig


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("losses", {}),
        ("losses", {"pixel": -1}),
        ("losses", {"pixel": 0}),
        ("losses", {"pixel": "much"}),
        ("steps", -1),
        ("rate", 0),
        ("micro_batch", 0),
        ("starts", 0),
        ("patience", 0),
        ("poor", "keep"),
        ("min_psnr", "low"),
        ("min_psnr", 0),
        ("precision", "float16"),
        ("step", 30),
    ],
)
def test_what_makes_no_sense_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        InvertConfig.model_validate({field: value})


def test_thresholds_are_measured_or_numbers() -> None:
    assert InvertConfig().min_psnr == "auto"
    assert InvertConfig.model_validate({"min_psnr": 24, "max_feature_distance": 0.5}).min_psnr == 24


def test_zero_steps_are_a_choice_and_null_is_the_methods_own() -> None:
    assert InvertConfig.model_validate({"steps": 0}).steps == 0
    assert InvertConfig.model_validate({"patience": None}).patience is None
