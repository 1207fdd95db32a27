"""Scorers: image -> attribute score."""

from higan_cam.label.lighting import LightingScorer, coral_loss
from higan_cam.label.loading import SCORERS, load_places365_resnet18, load_scorer
from higan_cam.label.resnet import ResNet18

__all__ = ["SCORERS", "LightingScorer", "ResNet18", "coral_loss", "load_places365_resnet18", "load_scorer"]
