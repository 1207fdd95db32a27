"""The one reader of pictures: what is listed once, read by index, fitted to a square, and led back."""

from higan_cam.pictures.carrying import box_shares, shares, to_picture
from higan_cam.pictures.decoding import decode_picture, picture_problem
from higan_cam.pictures.fitting import Affine, Fit, fit_square
from higan_cam.pictures.listing import (
    Listing,
    check_pictures,
    freeze_listing,
    frozen_listing,
    list_pictures,
    read_listing,
)
from higan_cam.pictures.nouns import WHITE, Picture, PictureRow, Unreadable
from higan_cam.pictures.paste import paste_change
from higan_cam.pictures.scan import unreadable_rows
from higan_cam.pictures.source import PictureSource, open_pictures

__all__ = [
    "WHITE",
    "Affine",
    "Fit",
    "Listing",
    "Picture",
    "PictureRow",
    "PictureSource",
    "Unreadable",
    "box_shares",
    "check_pictures",
    "decode_picture",
    "fit_square",
    "freeze_listing",
    "frozen_listing",
    "list_pictures",
    "open_pictures",
    "paste_change",
    "picture_problem",
    "read_listing",
    "shares",
    "to_picture",
    "unreadable_rows",
]
