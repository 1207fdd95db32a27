"""What the detector of leaks says of a set of samples: which augmentation shows, in how many, or why it cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from higan_cam.measure.generation.spectrum import Spectrum, usual_spectrum
from higan_cam.measure.generation.verdicts import CLEAN, NOT_MEASURED, TOO_POOR, Verdict, not_measured, ranked_rightly
from higan_cam.measure.values import estimate_means
from higan_cam.train.gan.leaks import planted_batch
from higan_cam.train.gan.planted import PLANTED, plant, spoil
from higan_cam.train.reader import Reader, looked_at, read
from higan_cam.types import BoolArray, ByteArray, FloatArray, Interval

LEAST_HELD_OUT, LEAST_SAMPLES = 20, 50
SHOWN_TO = 600
"""Pictures of a kind that the calibration draws from the held-out ones."""
TOLD = 0.9
"""Area under the ROC, over whole and spoilt held-out pictures, below which an augmentation cannot be told."""
LEAKED, DOUBT = 0.04, 6.0
"""Share of the samples that show an augmentation, above which the whole interval has to be, and by how much more for
what is told less surely, times 1 - area: the flaws of a generator that nobody planted look like that a little. A sound
DCGAN of 14 kimg read 16% cut-out, where the area was .97."""
POOR = 0.5
"""Share of the samples that read as ruined, or have frequencies that no picture has, above which nothing is said."""


@dataclass(frozen=True, eq=False)
class Sight:
    """What a detector sees in pictures that it was not trained on, half of them spoilt; in the order of `PLANTED`.

    Attributes:
        area: (5,) under the ROC, of pictures with one augmentation against those with none.
        quiet: (5,) mean probability where nothing is planted: the higher one of whole and spoilt pictures.
        answers: (5,5) by how much the mean in a column is above `quiet` where all have the augmentation in the row.
        spectrum: usual for pictures, augmented and spoilt or not.
    """

    area: FloatArray
    quiet: FloatArray
    answers: FloatArray
    spectrum: Spectrum

    @property
    def told(self) -> BoolArray:
        """(5,) which augmentations it can tell."""
        enough: BoolArray = (self.area >= TOLD) & (np.diag(self.answers) > 0.1)
        return enough


def sight_of(reader: Reader, held_out: ByteArray, seed: int) -> Sight:
    """Calibrate on held-out pictures (N,S,S,3) uint8."""
    draw = np.random.Generator(np.random.Philox(key=(seed, 1)))  # training draws from even numbers
    images = looked_at(held_out)
    count = len(PLANTED)
    whole, spoilt = (read(reader, part) for part in _halves(images, None, draw))
    none = np.concatenate([whole, spoilt])
    quiet = np.maximum(whole[:, :count].mean(axis=0), spoilt[:, :count].mean(axis=0))
    area, answers = np.empty(count), np.empty((count, count))
    for place in range(count):
        found = np.concatenate([read(reader, part) for part in _halves(images, place, draw)])
        area[place] = ranked_rightly(none[:, place], found[:, place])
        answers[place] = found[:, :count].mean(axis=0) - quiet
    usual, other = (planted_batch(images, 2 * SHOWN_TO, draw) for _ in range(2))
    spectrum = usual_spectrum(*(shown[truth[:, -1] == 0].numpy() for shown, truth, _ in (usual, other)))
    return Sight(area, quiet, answers, spectrum)


def leaked(reader: Reader, sight: Sight, samples: ByteArray, *, mirror: bool = False, seed: int = 0) -> Verdict:
    """Which augmentations show in the samples, with the share of each.

    The detector's mean probabilities are a mixture of what it answers to each augmentation, `quiet` where there is
    none; the shares solve that for what it can tell (adjusted counting, Forman 2008). The figure is the largest share.
    The verdict is `leak`, with the `names` in the evidence.

    Args:
        samples: (N,S,S,3) uint8.
        mirror: whether training pictures were mirrored on purpose; then a flip is none.
    """
    name = "leak"
    if len(samples) < LEAST_SAMPLES:
        return not_measured(name, f"{LEAST_SAMPLES} samples are needed, there are {len(samples)}.")
    images = looked_at(samples)
    chances = read(reader, images)
    poor = float(((chances[:, -1] > 0.5) | sight.spectrum.strange(images.numpy())).mean())
    areas = {one: float(area) for one, area in zip(PLANTED, sight.area, strict=True)}
    shares = _shares(chances[:, :-1], sight, seed)
    seen = {one: share for one, share in shares.items() if not (mirror and one == "flip")}
    untold = [one for one in PLANTED if one not in seen]
    evidence = {"cannot_be_told": untold, "areas": areas, "too_poor": poor}
    if not seen:
        reason = "cannot be told: no augmentation shows in these pictures, not even planted on purpose."
        return Verdict(name=name, value=NOT_MEASURED, evidence=evidence, words=reason)
    found = [one for one, share in seen.items() if share.low > LEAKED + DOUBT * (1 - areas[one])]
    value = TOO_POOR if poor > POOR else ("leak" if found else CLEAN)
    largest = max(seen.values(), key=lambda share: share.value)
    return Verdict(
        name=name,
        value=value,
        figure=largest.value,
        interval=largest,
        evidence={
            **evidence,
            "names": [] if value == TOO_POOR else found,
            "shares": {one: [share.value, share.low, share.high] for one, share in seen.items()},
        },
        words=_words(value, seen, found, untold, poor),
    )


def _drawn(images: Tensor, draw: np.random.Generator) -> Tensor:
    return images[torch.from_numpy(draw.integers(0, len(images), SHOWN_TO))]


def _halves(images: Tensor, place: int | None, draw: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Pictures with that augmentation, or without any: whole, and others spoilt."""
    which = torch.zeros(SHOWN_TO, len(PLANTED), dtype=torch.bool)
    if place is not None:
        which[:, place] = True
    whole, other = (plant(_drawn(images, draw), which, draw) for _ in range(2))
    return whole, spoil(other, _drawn(images, draw), draw)


def _shares(chances: FloatArray, sight: Sight, seed: int) -> Mapping[str, Interval]:
    """{augmentation that can be told: share of the samples, in [0,1]}."""
    told = sight.told
    if not told.any():
        return {}
    answers = sight.answers[np.ix_(told, told)]
    shares = (chances - sight.quiet)[:, told] @ np.linalg.pinv(answers, rcond=0.05)
    names = [one for one, able in zip(PLANTED, told, strict=True) if able]
    means = estimate_means({one: shares[:, place] for place, one in enumerate(names)}, seed)
    return {one: Interval(*np.clip([mean.value, mean.low, mean.high], 0, 1).tolist()) for one, mean in means.items()}


def _words(value: str, seen: Mapping[str, Interval], found: list[str], untold: list[str], poor: float) -> str:
    shares = ", ".join(f"{one} {seen[one].value:.0%}" for one in (found or seen))
    rest = f" Cannot be told on these pictures: {', '.join(untold)}." if untold else ""
    if value == TOO_POOR:
        return f"{poor:.0%} of the samples show texture, parts or a grid rather than a picture.{rest}"
    if found:
        return f"Augmentations of the training pictures show in the samples: {shares}.{rest}"
    return f"No augmentation shows in the samples ({shares}).{rest}"
