"""The code behind a picture: what a generator would have to be told to draw it, and whether it can draw it at all."""

from higan_cam.invert.camera import AT_REST, developed, placed_affine
from higan_cam.invert.figures import HasFeatures
from higan_cam.invert.inversion import calibrate, invert_pictures, judge_of, make_problem
from higan_cam.invert.methods import METHODS, method_of
from higan_cam.invert.problem import CameraEncoder, Encoder
from higan_cam.invert.published import RECIPES
from higan_cam.invert.result import Inversion, joined
from higan_cam.invert.statistics import CodeStatistics, code_statistics
from higan_cam.invert.verdict import Calibration, Thresholds, judged, thresholds_of

__all__ = [
    "AT_REST",
    "METHODS",
    "RECIPES",
    "Calibration",
    "CameraEncoder",
    "CodeStatistics",
    "Encoder",
    "HasFeatures",
    "Inversion",
    "Thresholds",
    "calibrate",
    "code_statistics",
    "developed",
    "invert_pictures",
    "joined",
    "judge_of",
    "judged",
    "make_problem",
    "method_of",
    "placed_affine",
    "thresholds_of",
]
