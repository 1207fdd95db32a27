"""The last part of training without pairs: pix2pix on pairs whose lit half is real, and whose unlit half was made.

Switching lamps off is the easier way, since what is to be taken away can be seen. So every picture with the lamp on,
beside what the network that switches it off leaves of it, is a pair, from which the other way is learned anew, by its
error alone. As back-translation does (Sennrich et al. 2016, arXiv:1511.06709), whose answers are real too.
"""

from __future__ import annotations

import numpy as np

from higan_cam.relight import RESPONSES
from higan_cam.relight.translator import Translator
from higan_cam.relight.translator.network import TranslatorNetwork
from higan_cam.store.canonical import digest
from higan_cam.train.draws import stream
from higan_cam.train.settings import Report, World
from higan_cam.train.translator.fit import fit_translator
from higan_cam.train.translator.pairs import FULL, Stored, StoredPairs
from higan_cam.train.translator.settings import TranslatorSettings
from higan_cam.train.translator.unpaired.looks import switched
from higan_cam.train.translator.unpaired.reading import Folders
from higan_cam.train.translator.unpaired.settings import UnpairedSettings

FOLDER = "finish"
"""Of its checkpoint, in the output."""
NOISE = 0.04
"""Deviation of noise, of display values in [0,1], in the pictures made: what is left in them of the light, unseen,
helps less. Chosen on one seed, against none (.0515 and .0524 of error on other rooms)."""
_NOISE = 20
"""Stream of random numbers."""
_AT_ONCE = 512
"""Pictures that are switched off together."""


def finish(
    settings: UnpairedSettings, folders: Folders, off: TranslatorNetwork, report: Report, world: World
) -> TranslatorNetwork:
    """A network that adds light, trained on so many pairs as `settings.finish` says, resuming as `fit_translator`.

    Args:
        off: the trained network that takes light away.

    Raises:
        ConfigError: the batch does not divide by the workers.
    """
    takes = Translator(off.cpu().eval(), settings.side, RESPONSES[settings.response], burning=True)
    return fit_translator(*made_pairs(settings, folders, takes), report, world)


def made_pairs(
    settings: UnpairedSettings, folders: Folders, takes: Translator
) -> tuple[TranslatorSettings, StoredPairs]:
    """How to train, and on what: pictures with the lamp on, beside the same with it switched off."""
    on = folders.on.train
    source, made = stream(settings.seed, 0, _NOISE), np.empty_like(on)
    for first in range(0, len(on), _AT_ONCE):  # noise takes eight times what pictures do
        part = slice(first, first + _AT_ONCE)
        noise = source.normal(0, NOISE * FULL, on[part].shape)
        made[part] = np.clip(switched(takes, on[part]) + noise, 0, FULL).round()
    learned = TranslatorSettings(
        output=f"{settings.output.rstrip('/')}/{FOLDER}",
        kind="folders",
        datasets=(settings.off, settings.on),
        pairs=digest(made.tobytes()),
        response=settings.response,
        side=settings.side,
        channels=settings.channels,
        condition=False,
        mirror=settings.mirror,
        images=settings.finish,
        precision=settings.precision,
        seed=settings.seed,
    )
    stored = Stored(made, on, np.full(on.shape[:3], FULL, np.uint8))
    return learned, StoredPairs(stored, RESPONSES[settings.response], settings.seed, dial=False, mirror=settings.mirror)
