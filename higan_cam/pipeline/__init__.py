"""The flow on one page, its second half, and edits without a run."""

from higan_cam.pipeline.floor import measured_floor
from higan_cam.pipeline.flow import (
    HIGAN_LIGHTING_LAYERS,
    HeatBatch,
    attribute_unit,
    attribution_for,
    edit_for,
    edited_ends,
    fit_from_extremes,
    images_of,
    label_and_fit,
    label_by_all,
    label_unit,
    labelled_codes,
    recommended_rows,
    tapped_layers,
    why_unlabelled,
)
from higan_cam.pipeline.models import Models, batches, codes_array, load_models, on_final_scale, w_plus_of

__all__ = [
    "HIGAN_LIGHTING_LAYERS",
    "HeatBatch",
    "Models",
    "attribute_unit",
    "attribution_for",
    "batches",
    "codes_array",
    "edit_for",
    "edited_ends",
    "fit_from_extremes",
    "images_of",
    "label_and_fit",
    "label_by_all",
    "label_unit",
    "labelled_codes",
    "load_models",
    "measured_floor",
    "on_final_scale",
    "recommended_rows",
    "tapped_layers",
    "w_plus_of",
    "why_unlabelled",
]
