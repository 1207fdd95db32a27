"""Directions without labels: by name, channel by channel, towards a text."""

from higan_cam.pipeline.directions.asked import Asked, TextAsked
from higan_cam.pipeline.directions.channels import changes, channels
from higan_cam.pipeline.directions.methods import METHODS, find_directions, text_model_of, text_name, wish_of

__all__ = [
    "METHODS",
    "Asked",
    "TextAsked",
    "changes",
    "channels",
    "find_directions",
    "text_model_of",
    "text_name",
    "wish_of",
]
