"""Boundary fitting, edits and mixing: from labelled latents to the two ends of an edit."""

from higan_cam.manipulate.boundary import condition, fit_boundary
from higan_cam.manipulate.boundary_files import (
    decode_boundary,
    encode_boundary,
    export_npy,
    load_boundary,
    save_boundary,
)
from higan_cam.manipulate.calibrate import Calibration, calibrate
from higan_cam.manipulate.edit import edit_direction, move, plan_edit, push, sweep
from higan_cam.manipulate.ends import Ends, calibrated_ends, checked_targets, fixed_ends
from higan_cam.manipulate.extremes import Extremes, Tail, check_extremes, merge, select_extremes
from higan_cam.manipulate.fit_metrics import spearman
from higan_cam.manipulate.fitting import METHODS, LabelledCodes
from higan_cam.manipulate.higan_npy import decode_npy, encode_npy
from higan_cam.manipulate.mixing import interpolate, mix_styles
from higan_cam.manipulate.rescore import Relevance, entanglement, layer_scores, relevance, rescore

__all__ = [
    "METHODS",
    "Calibration",
    "Ends",
    "Extremes",
    "LabelledCodes",
    "Relevance",
    "Tail",
    "calibrate",
    "calibrated_ends",
    "check_extremes",
    "checked_targets",
    "condition",
    "decode_boundary",
    "decode_npy",
    "edit_direction",
    "encode_boundary",
    "encode_npy",
    "entanglement",
    "export_npy",
    "fit_boundary",
    "fixed_ends",
    "interpolate",
    "layer_scores",
    "load_boundary",
    "merge",
    "mix_styles",
    "move",
    "plan_edit",
    "push",
    "relevance",
    "rescore",
    "save_boundary",
    "select_extremes",
    "spearman",
    "sweep",
]
