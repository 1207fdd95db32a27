"""What the page is told at its start: every table that its arithmetic needs, so that there is one truth."""

from __future__ import annotations

from dataclasses import asdict

from higan_cam.app.limits import Limits
from higan_cam.mask.student import Student
from higan_cam.relight import SRGB, planck_rgb
from higan_cam.relight.light import MOST
from higan_cam.weights.embedded import EMBEDDED_STUDENTS

COLDEST, HOTTEST, STEP = 1800, 6500, 10
"""Kelvin of the page's slider, and between its stops."""


def facts(student: Student, named: str, limits: Limits) -> dict[str, object]:
    """JSON: `levels` (256) and `borders` (255) of the response curve, `tints` (black bodies in linear sRGB, one a
    stop), the sliders' ends, the limits, and which student answers."""
    kelvins = range(COLDEST, HOTTEST + STEP, STEP)
    return {
        "levels": SRGB.levels.tolist(),
        "borders": SRGB.borders.tolist(),
        "tints": [planck_rgb(kelvin).tolist() for kelvin in kelvins],
        "kelvin": {"least": COLDEST, "most": HOTTEST, "step": STEP},
        "most": MOST,
        "limits": asdict(limits),
        "student": {"attribute": student.attribute, "embedded": named in EMBEDDED_STUDENTS},
    }
