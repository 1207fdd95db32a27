"""The parts of a face, by name: what label maps of drawn and of segmented faces both speak of."""

PARTS = (
    "background",
    "skin",
    "brow_left",
    "brow_right",
    "eye_left",
    "eye_right",
    "nose",
    "upper_lip",
    "inner_mouth",
    "lower_lip",
    "hair",
)
"""By their label: 0 is background, with neck and clothes, 10 hair. Left is the picture's left, not the person's."""
