"""What is looked at while a generator is trained: a strip of the same codes and figures, a few times.

Nothing here changes what is trained. The history is written whole every time, and what lies beyond the checkpoint that
a run goes on from is taken anew, so it does not tell that a run was interrupted.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from higan_cam.errors import WeightsError
from higan_cam.generate import sample_latents, to_uint8
from higan_cam.measure.generation.compare import compare
from higan_cam.measure.generation.features import FEATURE_SPACES, FeatureSpace, feature_space
from higan_cam.measure.generation.protocol import GenerationFigures
from higan_cam.publish.images import decode_image, encode_image
from higan_cam.store import Store, open_store
from higan_cam.train.files import json_text
from higan_cam.train.gan.leaks import LeakSettings
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.loop import look_due
from higan_cam.types import ByteArray, FloatArray

log = logging.getLogger(__name__)
HISTORY, TICKS = "history.json", "ticks"
GRID, STRIP, BATCH = 8, 12, 64
MOST_LOOKS = 4
SHOWN = {"dcgan": 100, "stylegan2": 20}
"""Pictures that are shown for each sample of a look before the end: so looks cost under a twentieth of the training."""


@dataclass(frozen=True, kw_only=True)
class Watching:
    """How much is looked at.

    Attributes:
        samples: that are compared with as many pictures; 0 compares none.
        times: evenly over the training, the last at its end; None: `MOST_LOOKS`, fewer where training is short.
        features: networks to compare by (`FEATURE_SPACES`); none named: all whose weights are at hand.
        judged: samples that monitors look at when training has ended; 0: none do.
        leak_steps: of the training of the detector of leaks; 0 leaves it out.
    """

    samples: int = 2000
    times: int | None = None
    features: tuple[str, ...] = ()
    judged: int = 1000
    leak_steps: int = LeakSettings.steps


@dataclass(frozen=True)
class Tick:
    """One look. `numbers` are what progress tells, `figures` by features."""

    step: int
    kimg: float
    numbers: Mapping[str, float] = field(default_factory=dict)
    figures: Mapping[str, GenerationFigures] = field(default_factory=dict)


class Watch:
    """Looks at one training run, and keeps what it saw in the run's output."""

    def __init__(self, settings: GanSettings, watching: Watching, pictures: Pictures, device: str = "cpu") -> None:
        self.settings, self.watching, self.pictures, self.device = settings, watching, pictures, device
        self.store: Store = open_store(settings.output)
        self.features = dict[str, FloatArray]()

    @cached_property
    def spaces(self) -> tuple[Mapping[str, FeatureSpace], tuple[str, ...]]:
        """The networks that are there, by name, and why others are not."""
        found, missing = dict[str, FeatureSpace](), list[str]()
        if not self.watching.samples:
            return {}, ("No figures: nothing was to be measured.",)
        for name in self.watching.features or FEATURE_SPACES:
            try:
                found[name] = feature_space(name, self.device)
            except WeightsError as error:
                log.warning("not measured by %s: %s", name, error)
                missing.append(f"Not measured by {name}: no weights were there; `higan-cam weights fetch {name}`")
        return found, tuple(missing)

    @cached_property
    def reals(self) -> ByteArray:
        """Pictures that samples are compared with: of all, trained on or not, evenly, as many as there are samples."""
        every = np.concatenate([self.pictures.train, self.pictures.held_out])
        chosen: ByteArray = every[_evenly(len(every), self.watching.samples)]
        return chosen

    @property
    def times(self) -> int:
        """Looks in all, the one at the end among them."""
        if self.watching.times is not None:
            return self.watching.times
        costs = SHOWN[self.settings.network] * self.watching.samples
        return MOST_LOOKS if not costs else min(MOST_LOOKS, 1 + self.settings.images // costs)

    def due(self, done: int) -> bool:
        """Whether a look falls between the last checkpoint and this one; never at the end, which has one anyway."""
        return look_due(self.settings, self.settings.steps, self.times, done)

    def look(self, done: int, network: nn.Module, numbers: Mapping[str, float]) -> Tick:
        """Note figures and a strip of the settled generator after so many steps."""
        kimg = done * self.settings.batch / 1000
        spaces, _ = self.spaces
        figures = dict[str, GenerationFigures]()
        if spaces:
            samples = drawn(self.settings, network, range(self.watching.samples))
            figures = {
                name: compare(space, self.reals, samples, seed=self.settings.seed, kept=self.features)
                for name, space in spaces.items()
            }
        tick = Tick(
            done,
            kimg,
            {name: value for name, value in numbers.items() if name != "kimg" and math.isfinite(value)},
            figures,
        )
        strip = drawn(self.settings, network, range(STRIP))
        self.store.put(_strip_key(done), encode_image(tiled(strip, STRIP)))
        earlier = [each for each in read_history(self.store) if each.step < done]
        self.store.put(HISTORY, _history_text([*earlier, tick]).encode())
        return tick


def read_history(store: Store) -> list[Tick]:
    """Every look so far, in order."""
    body = store.find(HISTORY)
    rows: list[dict[str, Any]] = json.loads(body)["ticks"] if body is not None else []
    return [
        Tick(
            row["step"],
            row["kimg"],
            row["numbers"],
            {name: GenerationFigures.from_json(each) for name, each in row["figures"].items()},
        )
        for row in rows
    ]


def read_strip(store: Store, tick: Tick) -> ByteArray:
    """(S,12 S,3) the strip of a look. StoreError: it is gone."""
    return decode_image(store.get(_strip_key(tick.step)))


@torch.no_grad()
def drawn(settings: GanSettings, network: nn.Module, which: Sequence[int]) -> ByteArray:
    """(N,S,S,3) samples of the codes with these numbers: the same codes every time, never those of training.

    Drawn where the network is.
    """
    generator, found, device = cast(Any, network), list[ByteArray](), next(network.parameters()).device
    for first in range(0, len(which), BATCH):
        z = sample_latents(which[first : first + BATCH], settings.seed + 1, settings.z_dim, normalize=False)
        images: Tensor = generator.synthesize(generator.truncate(generator.map(torch.from_numpy(z).to(device))))[0]
        found.append(to_uint8(images))
    return np.concatenate(found)


def sheet_of(images: ByteArray) -> ByteArray:
    """(H,W,3) a square of up to 8 x 8 of the pictures, evenly taken."""
    return tiled(images[_evenly(len(images), GRID * GRID)], GRID)


def tiled(images: ByteArray, columns: int) -> ByteArray:
    """(N,S,S,3) pictures -> (rows S, columns S, 3), white where the last row ends early."""
    count, side = images.shape[:2]
    rows = -(-count // columns)
    cells = np.full((rows * columns, side, side, 3), 255, np.uint8)
    cells[:count] = images
    return cells.reshape(rows, columns, side, side, 3).swapaxes(1, 2).reshape(rows * side, columns * side, 3)


def _evenly(count: int, most: int) -> Any:
    return np.linspace(0, count - 1, min(count, most)).astype(int)


def _strip_key(step: int) -> str:
    return f"{TICKS}/{step:08d}.png"


def _history_text(ticks: Sequence[Tick]) -> str:
    rows = [
        {
            "step": tick.step,
            "kimg": tick.kimg,
            "numbers": dict(tick.numbers),
            "figures": {name: each.to_json() for name, each in tick.figures.items()},
        }
        for tick in ticks
    ]
    return json_text({"ticks": rows})
