"""What run.json keeps of a choice comes back as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from higan_cam.errors import DataError
from higan_cam.publish.chosen import choice_from
from tests.support.chosen import CHOICE


def test_a_choice_comes_back_from_json_as_it_was() -> None:
    assert choice_from(json.loads(json.dumps(CHOICE.to_json()))) == CHOICE


@pytest.mark.parametrize("change", [{"candidates": None}, {"samples": "many"}, {"candidates": [{"name": "x"}]}])
def test_a_record_that_was_edited_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="was it edited"):
        choice_from({**CHOICE.to_json(), **change})
