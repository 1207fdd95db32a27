"""The encoder that ships reads rooms that nobody trained on, whatever camera took them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from higan_cam.generate import from_uint8, load_generator
from higan_cam.invert.encoder import load_encoder
from higan_cam.invert.figures import psnr
from higan_cam.rooms.photos import TUNING_SEED, Grade, photos
from higan_cam.weights.embedded import EMBEDDED_ENCODERS, EMBEDDED_GENERATORS, embedded_path

MOST_BYTES = 6_000_000


@pytest.mark.parametrize("name", EMBEDDED_ENCODERS)
def test_embedded_encoders_are_small_and_those_of_embedded_generators(name: str) -> None:
    generator, encoder = load_generator(name), load_encoder(name)
    assert name in EMBEDDED_GENERATORS
    assert encoder.mean.shape == (generator.num_layers, generator.w_dim)
    assert embedded_path(EMBEDDED_ENCODERS[name].file).stat().st_size < MOST_BYTES


@pytest.mark.parametrize("grade", ["G1", "G2"])
def test_its_codes_draw_the_room_of_a_photo(grade: Grade) -> None:
    taken, plain = ([each.image for each in photos(TUNING_SEED, 8, kind)] for kind in (grade, "G1"))
    encoder, generator = load_encoder("rooms"), load_generator("rooms")
    with torch.inference_mode():
        drawn, _ = generator.synthesize(encoder.codes(from_uint8(np.stack(taken))))
    assert float(psnr(drawn, from_uint8(np.stack(plain))).mean()) > 31
