"""A second procedural world: drawn faces with exact label maps and known properties."""

from higan_cam.faces.labels import label_map
from higan_cam.faces.render import render
from higan_cam.faces.scene import Scene, scene_of
from higan_cam.faces.truth import changed, properties

__all__ = ["Scene", "changed", "label_map", "properties", "render", "scene_of"]
