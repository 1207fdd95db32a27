"""A run's choice of its attribution, made by hand."""

from __future__ import annotations

from higan_cam.publish.chosen import Candidate, Choice
from tests.support.refined import around

CHOICE = Choice(
    name="colour_change",
    samples=32,
    candidates=tuple(
        Candidate(
            name,
            {"retention": around(0.7 - behind), "necessity": around(0.5)},
            gain=around(0.6 - behind),
            behind=around(behind),
            coverage=around(0.12),
        )
        for name, behind in (("colour_change", 0.0), ("grad_cam", 0.2))
    ),
)
