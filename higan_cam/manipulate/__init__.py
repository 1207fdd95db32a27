"""Boundary fitting, edits and mixing: from labelled latents to the two ends of an edit."""

from higan_cam.manipulate.boundary import condition, fit_boundary
from higan_cam.manipulate.boundary_files import (
    decode_boundary,
    encode_boundary,
    export_npy,
    load_boundary,
    save_boundary,
)
from higan_cam.manipulate.boundary_list import ListedBoundary, parse_boundary_list, read_boundary_list
from higan_cam.manipulate.edit import edit_direction, move, plan_edit, push, sweep
from higan_cam.manipulate.ends import Ends, calibrated_ends, checked_targets, fixed_ends
from higan_cam.manipulate.extremes import Extremes, Tail, check_extremes, merge, select_extremes
from higan_cam.manipulate.fit_metrics import spearman
from higan_cam.manipulate.fitting import METHODS, LabelledCodes
from higan_cam.manipulate.higan_npy import decode_npy, encode_npy
from higan_cam.manipulate.mixing import combined_direction, interpolate, mix_styles, rows_at
from higan_cam.manipulate.rescore import Relevance, entanglement, layer_scores, relevance, rescore
from higan_cam.manipulate.targets import Reached, reach

__all__ = [
    "METHODS",
    "Ends",
    "Extremes",
    "LabelledCodes",
    "ListedBoundary",
    "Reached",
    "Relevance",
    "Tail",
    "calibrated_ends",
    "check_extremes",
    "checked_targets",
    "combined_direction",
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
    "parse_boundary_list",
    "plan_edit",
    "push",
    "reach",
    "read_boundary_list",
    "relevance",
    "rescore",
    "rows_at",
    "save_boundary",
    "select_extremes",
    "spearman",
    "sweep",
]
