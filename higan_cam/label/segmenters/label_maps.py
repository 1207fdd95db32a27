"""From a segmenter's own classes to the labels of `PARTS`: whose left is left, and what is not a part of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from higan_cam.errors import ConfigError, unknown_name
from higan_cam.worlds.face_parts import PARTS

MIRRORED = "_mirrored"
"""`NAME_mirrored` is the label map NAME with left and right of brows and eyes exchanged."""
_OTHER_SIDE = {2: 3, 3: 2, 4: 5, 5: 4}


@dataclass(frozen=True)
class LabelMap:
    """What each class of a segmenter is called here.

    Attributes:
        name: as files and settings call it.
        parts: for each class, in the segmenter's order, its label in `PARTS`.
    """

    name: str
    parts: tuple[int, ...]

    def labels(self, classes: Tensor) -> Tensor:
        """(...) classes, any integer type -> (...) uint8 labels of `PARTS`."""
        table = torch.tensor(self.parts, dtype=torch.uint8, device=classes.device)
        return table[classes.long()]

    def shares(self, likely: Tensor) -> Tensor:
        """(N,C,h,w) probabilities of the classes -> (N,11,h,w) of `PARTS`: those of one part are added up."""
        summed = likely.new_zeros((len(likely), len(PARTS), *likely.shape[2:]))
        return summed.index_add(1, torch.tensor(self.parts, device=likely.device), likely)

    def mirrored(self) -> LabelMap:
        """The same, for a segmenter that means the person's left."""
        return replace(self, name=self.name + MIRRORED, parts=tuple(_OTHER_SIDE.get(part, part) for part in self.parts))


def label_map(name: str) -> LabelMap:
    """The label map of that name, with `_mirrored` behind it if need be, or numbers such as `0,1,1,10`, one a class.

    Raises:
        ConfigError: no such name, or numbers that are no labels.
    """
    if name[:1].isdigit():
        return LabelMap(name, _numbers(name))
    plain = name.removesuffix(MIRRORED)
    if plain not in LABEL_MAPS:
        raise unknown_name("label map", name, LABEL_MAPS)
    return LABEL_MAPS[plain] if plain == name else LABEL_MAPS[plain].mirrored()


def _numbers(text: str) -> tuple[int, ...]:
    try:
        parts = tuple(int(each) for each in text.split(","))
    except ValueError as error:
        raise ConfigError(f"label map: expected numbers separated by commas, got {text!r}") from error
    if len(parts) < 2 or not all(0 <= part < len(PARTS) for part in parts):
        raise ConfigError(
            f"label map: expected one number from 0 to {len(PARTS) - 1} for each of two classes or more, got {text!r}"
        )
    return parts


def _named(name: str, classes: Sequence[str]) -> LabelMap:
    return LabelMap(name, tuple(PARTS.index(each) for each in classes))


_CELEBAMASK_HQ = (
    *("background", "skin", "nose", "skin", "eye_left", "eye_right", "brow_left", "brow_right", "skin", "skin"),
    *("inner_mouth", "upper_lip", "lower_lip", "hair", "background", "background", "background", "background"),
    "background",
)
_FACE_PARSING = (
    *("background", "skin", "brow_left", "brow_right", "eye_left", "eye_right", "skin", "skin", "skin", "background"),
    *("nose", "inner_mouth", "upper_lip", "lower_lip", "background", "background", "background", "hair"),
    "background",
)
LABEL_MAPS = {
    each.name: each
    for each in (
        _named("face_parts", PARTS),
        _named("facexformer", PARTS),
        _named("lapa", PARTS),
        _named("celebamask_hq", _CELEBAMASK_HQ),
        _named("face_parsing", _FACE_PARSING),
    )
}
"""`face_parts`: what is trained here. `facexformer` and `lapa` (its dataset of landmarks and parts, Liu 2020) have the
same eleven. `celebamask_hq`: 19 classes in the order in which CelebAMask-HQ's own script numbers them; `face_parsing`:
the same as face-parsing.PyTorch numbers them. Glasses and ears count as skin; hats, necks, clothes and jewels as
background. The `l_` of both is taken as the picture's left: not seen on their weights here, so look at one picture
first and use `_mirrored` if it is the other way round."""
