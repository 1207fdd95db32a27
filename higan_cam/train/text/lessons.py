"""What the towers learn from: rooms, rendered and drawn by the generator, sentences, and which is true of which."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.generate import load_generator
from higan_cam.generate.latents import sample_latents
from higan_cam.rooms import render, scene_of
from higan_cam.rooms.scene import Z_DIM
from higan_cam.rooms.statements import (
    Codes,
    Statement,
    contradicted,
    facts_of,
    neutral,
    statement,
    true_claims,
    truth_of,
)
from higan_cam.train.draws import rows_shown, stream
from higan_cam.train.scorer.fit import augment
from higan_cam.train.text.settings import TextSettings
from higan_cam.types import FloatArray
from higan_cam.worlds.words import words_of

SAMPLES_SEED = 2**62 + 2
"""Of the rooms that the generator draws: no training step's, nor those that are held out."""
OF_LESSONS = 7
"""Kind of draws, see `stream`."""
NEUTRAL_EVERY = 32
"""One sentence in so many claims nothing."""
FEW, MOST = 3, 25
LEAST_DRAWN = 64
GENERATED_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class Lesson:
    """One worker's part of a step.

    Attributes:
        images: (N,3,S,S) in [-1,1]; the towers bring them to their side themselves.
        sentences: lists of words: those that say many facts, and those that say few.
        facts: (N,K) of the rooms, `UNKNOWN` where they lie in between; claims: (T,K) of the sentences, over both lists.
        truth: (T,N) 1 true, 0 false, -1 neither known.
    """

    images: Tensor
    sentences: tuple[list[list[str]], list[list[str]]]
    facts: Tensor
    claims: Tensor
    truth: Tensor


@dataclass(frozen=True)
class Lessons:
    """A function of (seed, place) alone."""

    settings: TextSettings

    @cached_property
    def samples(self) -> tuple[Tensor, Codes]:
        """(M,3,S,S) uint8 and (M,K) facts of rooms as the generator draws them; made once, at the first use."""
        z = sample_latents(range(self.settings.samples), SAMPLES_SEED, Z_DIM)
        return (127.5 * (generated(z, drawn_at(self.settings)) + 1)).round().to(torch.uint8), facts_of(scene_of(z))

    def draw(self, places: range) -> Lesson:
        """The lesson of these places of training, one picture each."""
        settings, draw = self.settings, stream(self.settings.seed, places.start, OF_LESSONS)
        count = round(settings.sampled_share * len(places))
        z = sample_latents(list(places)[count:], settings.seed, Z_DIM)
        rooms, facts = [render(z, drawn_at(settings))], [facts_of(scene_of(z))]
        if count:
            images, known = self.samples
            rows = rows_shown(places[:count], len(images), settings.seed)
            rooms, facts = [images[rows].float() / 127.5 - 1, *rooms], [known[rows], *facts]
        known = np.concatenate(facts)[(order := draw.permutation(len(places)))]
        noise = torch.Generator().manual_seed(settings.seed * 1_000_003 + places.start)
        shown = augment(torch.cat(rooms)[order], noise).clamp(-1, 1)
        many, few = self._sentences(known, draw)
        claims = np.array([each.claims for each in (*many, *few)])
        about = (torch.from_numpy(each) for each in (known, claims, truth_of(claims, known)))
        return Lesson(shown, (self._heard(many, draw), self._heard(few, draw)), *about)

    def _sentences(self, facts: Codes, draw: np.random.Generator) -> tuple[list[Statement], list[Statement]]:
        """A true sentence of each room and one that contradicts it: of many facts, of few."""
        found: tuple[list[Statement], list[Statement]] = ([], [])
        for place, room in enumerate(facts):
            long = place < self.settings.long_share * len(facts)
            count = int(draw.integers(FEW + 1, MOST + 1) if long else draw.integers(1, FEW + 1))
            claimed = true_claims(room, count, draw)
            found[not long].append(statement(claimed, draw))
            found[not long].append(statement(contradicted(claimed, draw), draw))
            if place % NEUTRAL_EVERY == NEUTRAL_EVERY - 1:
                found[1].append(neutral(draw))
        return found

    def _heard(self, said: list[Statement], draw: np.random.Generator) -> list[list[str]]:
        """Their words, some of which are not understood."""
        return [
            [word if draw.random() >= self.settings.forgotten else "" for word in words_of(each.text)] for each in said
        ]


def drawn_at(settings: TextSettings) -> int:
    """Side of what is drawn, px: thin things need `LEAST_DRAWN`, however small they are looked at."""
    return max(LEAST_DRAWN, settings.side)


@torch.no_grad()
def generated(z: FloatArray, side: int) -> Tensor:
    """(N,128) latents -> (N,3,S,S) in [-1,1], drawn by the embedded generator of rooms, brought to the side."""
    generator = load_generator("rooms")
    found = []
    for part in torch.from_numpy(np.asarray(z, np.float32)).split(GENERATED_AT_ONCE):
        image = generator.synthesize(generator.truncate(generator.map(part)))[0].clamp(-1, 1)
        found.append(F.interpolate(image, (side, side), mode="bilinear", antialias=True, align_corners=False))
    return torch.cat(found)
