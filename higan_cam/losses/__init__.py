"""Losses by name with weights, each a picture at a time: for inversion, students, translation and upscaling."""

from higan_cam.losses.codes import Spread
from higan_cam.losses.features import Features, face_crop
from higan_cam.losses.light import linear_light, linear_rgb
from higan_cam.losses.named import LOSSES
from higan_cam.losses.networks import FEATURES, FILES, Parts
from higan_cam.losses.noise import normalised_noise
from higan_cam.losses.profiles import PROFILES, Profile, make_profile
from higan_cam.losses.weighted import Aim, Losses, Measured, make_losses, make_picture_losses

__all__ = [
    "FEATURES",
    "FILES",
    "LOSSES",
    "PROFILES",
    "Aim",
    "Features",
    "Losses",
    "Measured",
    "Parts",
    "Profile",
    "Spread",
    "face_crop",
    "linear_light",
    "linear_rgb",
    "make_losses",
    "make_picture_losses",
    "make_profile",
    "normalised_noise",
]
