"""Attribution -> heat map -> regions -> mask, and mask quality."""

from higan_cam.mask.activation_difference import ActivationDifference
from higan_cam.mask.attribution import ATTRIBUTIONS, make_attribution, why_nowhere
from higan_cam.mask.clustering import grid_dbscan
from higan_cam.mask.grad_cam import GradCam
from higan_cam.mask.heat import ImageAttribution
from higan_cam.mask.image_difference import ImageDifference
from higan_cam.mask.layer_balance import BALANCE_KEY, measured_balance, needs_balance
from higan_cam.mask.light_change import LightChange, LightSteps
from higan_cam.mask.moved_masks import moved_masks
from higan_cam.mask.path import Jvp, Path, jvp_signed, path_signed
from higan_cam.mask.quality import MaskQuality, mask_quality, second_opinion, shares_of_change
from higan_cam.mask.regions import find_regions
from higan_cam.mask.rounding import LEVELS, levels_of_rounding, picture_change, where_pictures_change
from higan_cam.mask.shapes import decode_rle, encode_rle

__all__ = [
    "ATTRIBUTIONS",
    "BALANCE_KEY",
    "LEVELS",
    "ActivationDifference",
    "GradCam",
    "ImageAttribution",
    "ImageDifference",
    "Jvp",
    "LightChange",
    "LightSteps",
    "MaskQuality",
    "Path",
    "decode_rle",
    "encode_rle",
    "find_regions",
    "grid_dbscan",
    "jvp_signed",
    "levels_of_rounding",
    "make_attribution",
    "mask_quality",
    "measured_balance",
    "moved_masks",
    "needs_balance",
    "path_signed",
    "picture_change",
    "second_opinion",
    "shares_of_change",
    "where_pictures_change",
    "why_nowhere",
]
