"""Every latent is seen once, by one worker."""

from __future__ import annotations

import numpy as np
import pytest

from higan_cam.errors import ConfigError
from higan_cam.train.distill.latents import held_out_latents, training_latents
from higan_cam.train.settings import World


def test_workers_share_a_step_without_overlap() -> None:
    whole = training_latents(3, 5, 8, World())
    parts = [training_latents(3, 5, 8, World(rank, 4)) for rank in range(4)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_steps_share_no_latent_with_each_other_or_the_held_out() -> None:
    every = np.concatenate([training_latents(0, step, 4, World()) for step in range(3)] + [held_out_latents(8)])
    assert len(np.unique(every, axis=0)) == len(every)


def test_a_batch_that_does_not_divide_by_the_workers_is_refused() -> None:
    with pytest.raises(ConfigError, match="16 images does not divide by 3 workers"):
        training_latents(0, 0, 16, World(0, 3))
