"""Segmenters: picture -> which part of a face each pixel belongs to."""

from higan_cam.label.segmenters.label_maps import LABEL_MAPS, LabelMap, label_map
from higan_cam.label.segmenters.loading import DETECTORS, load_segmenter, segmenter_files
from higan_cam.label.segmenters.segmenter import Segmentation, Segmenter

__all__ = [
    "DETECTORS",
    "LABEL_MAPS",
    "LabelMap",
    "Segmentation",
    "Segmenter",
    "label_map",
    "load_segmenter",
    "segmenter_files",
]
