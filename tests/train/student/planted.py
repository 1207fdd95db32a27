"""A user's folder, planted."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tests.train.inpaint.planted import planted_sample


def write_labelled(folder: Path) -> None:
    """A user's folder of four lit pictures and their masks."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for index in range(4):
        sample = planted_sample(index)
        cv2.imwrite(str(folder / "images" / f"room{index}.png"), np.ascontiguousarray(sample.image[:, :, ::-1]))
        cv2.imwrite(str(folder / "masks" / f"room{index}.png"), sample.mask)
