"""A run's latents as pictures, one at a time, drawn as the run draws them: its generator, its seed, its truncation."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from higan_cam.config import RunConfig, ScorerConfig
from higan_cam.errors import DataError
from higan_cam.generate import to_uint8
from higan_cam.label.labelled.pictured import drawn_by
from higan_cam.pipeline.devices import models_here
from higan_cam.pipeline.models import Models, w_plus_of
from higan_cam.publish.images import encode_image
from higan_cam.runtime.remake import with_recorded_weights
from higan_cam.store import Store, read_run
from higan_cam.store.run import listed_stage, recorded_config

KEPT = 64
"""Pictures that stay in memory, so that going back draws none."""


@dataclass(frozen=True)
class Drawer:
    """Draws latents of a run.

    Attributes:
        models: the run's generator; its scorer is none of the run's.
        config: of the run.
        latents: how many the run labels.
        of: what makes a picture of a number.
    """

    models: Models
    config: RunConfig
    latents: int
    of: Mapping[str, Any]
    _kept: OrderedDict[int, bytes] = field(default_factory=OrderedDict, repr=False, compare=False)

    def png(self, index: int) -> bytes:
        """A latent's picture. Not for several threads at once."""
        if index in self._kept:
            self._kept.move_to_end(index)
            return self._kept[index]
        with torch.inference_mode():
            image, _ = self.models.generator.synthesize(w_plus_of(self.models, self.config, [index]))
        self._kept[index] = encode_image(to_uint8(image)[0])
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[index]


def drawer_of(store: Store, weights: Sequence[Path] = ()) -> Drawer:
    """What draws a run's latents. A run on pictures has latents too: they are what it labels.

    Args:
        store: the run's output.
        weights: files or folders where its generator may be, by the recorded digest.

    Raises:
        StoreError: no run. DataError: one without a generator.
        WeightsError: the generator is nowhere.
    """
    if listed_stage(store) is not None:
        raise DataError(f"{store.uri}: this run has no generator, so no latents to label; name one of `higan-cam run`")
    run, config = read_run(store), recorded_config(store)
    # Its scorers are not asked: what is missing of them does not matter.
    alone = {
        "scorer": ScorerConfig(name="luminance"),
        "mask": config.mask.model_copy(update={"second_scorer": None}),
        "source": config.source.model_copy(update={"kind": "latents"}),
    }
    drawn = with_recorded_weights(config.model_copy(update=alone), run, weights)
    return Drawer(models_here(drawn), drawn, config.label.count, drawn_by(config, run["weights"]))
