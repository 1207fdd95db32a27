"""The embedded segmenter of drawn faces: small, with a card, and right about faces that it has not learned from."""

from __future__ import annotations

import pytest
import torch

from higan_cam.faces import label_map, render
from higan_cam.faces.scene import Z_DIM
from higan_cam.generate.latents import sample_latents
from higan_cam.label.segmenters import load_segmenter
from higan_cam.label.segmenters.agreement import part_agreement
from higan_cam.weights.embedded import EMBEDDED_SEGMENTERS, embedded_path

SEED = 20_211_021
"""Latents that neither training nor the card has used."""


def test_each_has_a_card_and_is_small() -> None:
    for embedded in EMBEDDED_SEGMENTERS.values():
        path = embedded_path(embedded.file)
        assert path.stat().st_size < 500_000
        assert path.with_suffix(".md").is_file()


@pytest.mark.parametrize("side", [64, 128])
def test_it_finds_the_parts_of_new_faces(side: int) -> None:
    z = sample_latents(range(12), SEED, Z_DIM)
    with torch.no_grad():
        found = load_segmenter("faces").segment(render(z, side)).labels
    agreement = part_agreement(found, label_map(z, found.shape[-1]))
    assert agreement["mean"].value > 0.7
    assert agreement["hair"].value > 0.85
