"""The procedural toy world with known ground truth."""

from higan_cam.rooms.fixtures import fixture_map
from higan_cam.rooms.render import render
from higan_cam.rooms.scene import Scene, scene_of
from higan_cam.rooms.truth import Truth, level, ordinal, truth

__all__ = ["Scene", "Truth", "fixture_map", "level", "ordinal", "render", "scene_of", "truth"]
