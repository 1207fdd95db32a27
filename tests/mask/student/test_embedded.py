"""The embedded student finds lamps in photos of rooms, in every grade."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.generate.images import from_uint8
from higan_cam.mask.student import load_student
from higan_cam.measure.photos import Answer, figures_of, known_photos
from higan_cam.measure.students import enlarged
from higan_cam.rooms.photos import Grade
from higan_cam.weights.embedded import EMBEDDED_STUDENTS, embedded_path

SEED, COUNT = 2**61 + 7, 12


def test_the_file_is_small_and_so_is_the_network() -> None:
    for embedded in EMBEDDED_STUDENTS.values():
        assert embedded_path(embedded.file).stat().st_size < 4_000_000
    student = load_student()
    assert (student.side, student.attribute) == (128, "indoor_lighting")
    assert sum(parameter.numel() for parameter in student.network.parameters()) <= 2_000_000


@pytest.mark.parametrize(
    ("grade", "lamps", "light", "iou"),
    [("G1", True, 0.93, 0.72), ("G2", True, 0.92, 0.70), ("G3", True, 0.88, 0.65), ("G1", False, 0.92, 0.72)],
)
def test_it_knows_where_light_is_and_would_be(grade: Grade, lamps: bool, light: float, iou: float) -> None:
    """Bounds are below the model card's figures by what twelve photos may miss them."""
    known, student = known_photos(SEED, COUNT, grade, lamps), load_student("rooms")
    heat, mask = student.maps(from_uint8(known.images)).unbind(1)
    heats = np.stack([enlarged(one, 128) for one in heat.numpy()])
    masks = np.stack([enlarged(one, 128) >= 0.5 for one in mask.numpy()])
    figures = figures_of(Answer(heats, masks), known)
    assert figures["ap_light"].mean() > light
    assert figures["iou"].mean() > iou
    assert figures["pointing"].mean() > 0.9
