"""The code behind a picture: what a generator would have to be told to draw it, and whether it can draw it at all."""

from higan_cam.invert.inversion import invert_pictures
from higan_cam.invert.methods import METHODS, Encoder
from higan_cam.invert.result import Inversion, joined
from higan_cam.invert.statistics import CodeStatistics, code_statistics

__all__ = ["METHODS", "CodeStatistics", "Encoder", "Inversion", "code_statistics", "invert_pictures", "joined"]
