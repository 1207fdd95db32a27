"""Scorers: image -> attribute score."""

from higan_cam.label.lighting import LightingScorer, coral_loss
from higan_cam.label.loading import SCORERS, load_scorer, make_scorer, make_scorers, scorer_files
from higan_cam.label.places365 import load_places365_resnet18
from higan_cam.label.resnet import ResNet18
from higan_cam.label.scale import calibrated, final_range, lacks_labels, needs_quartiles, with_quartiles
from higan_cam.label.together import Reasoning, score_by_all

__all__ = [
    "SCORERS",
    "LightingScorer",
    "Reasoning",
    "ResNet18",
    "calibrated",
    "coral_loss",
    "final_range",
    "lacks_labels",
    "load_places365_resnet18",
    "load_scorer",
    "make_scorer",
    "make_scorers",
    "needs_quartiles",
    "score_by_all",
    "scorer_files",
    "with_quartiles",
]
