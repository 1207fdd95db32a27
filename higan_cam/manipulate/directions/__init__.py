"""Directions without labels: from the style weights, from the codes' spread, or one style channel at a time."""

from higan_cam.manipulate.directions.answers import Answer, answer_of, lesser_rank, share_inside
from higan_cam.manipulate.directions.direction import Direction, oriented
from higan_cam.manipulate.directions.ganspace import ganspace
from higan_cam.manipulate.directions.sefa import sefa
from higan_cam.manipulate.directions.stylespace import Pullback, pulled_back

__all__ = [
    "Answer",
    "Direction",
    "Pullback",
    "answer_of",
    "ganspace",
    "lesser_rank",
    "oriented",
    "pulled_back",
    "sefa",
    "share_inside",
]
