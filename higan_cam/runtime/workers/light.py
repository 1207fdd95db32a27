"""The Ray actor that puts light into pictures: a unit of pictures -> a committed shard of pairs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import cached_property

from higan_cam.runtime.imports import quick_imports

with quick_imports():  # PyTorch, for which a worker's first unit waits
    from higan_cam.mask.student import Student, load_student
    from higan_cam.pictures import PictureRow, frozen_listing
    from higan_cam.pipeline.carried import carried_unit
    from higan_cam.pipeline.lights import light_unit
    from higan_cam.pipeline.recommend import recommend_unit
    from higan_cam.pipeline.relit import response_of
    from higan_cam.publish.lights import LitPair, Unlit, encode_lights
    from higan_cam.relight.composers import Composer, load_composer
    from higan_cam.runtime.workers.edits import RecordedEdits
    from higan_cam.runtime.workers.masks import FolderMasks, RecordedMasks, masked_unit, open_masks
    from higan_cam.runtime.workers.places import RecordedPlaces, composer_settings, lamp_of
    from higan_cam.store import read_run

from higan_cam.errors import DataError
from higan_cam.runtime.metrics import phase
from higan_cam.runtime.workers.commit import commit_lights
from higan_cam.runtime.workers.inputs import pictures_of
from higan_cam.runtime.workers.worker import Worker
from higan_cam.store.keys import LIGHTS
from higan_cam.types import WorkUnit


class LightWorker(Worker):
    """Ray actor: a unit -> its pictures with light in them, committed."""

    stage = LIGHTS

    def load(self) -> None:
        """The student, or masks, or the places that one has found already, or a run's edits; the listing; the lamp."""
        light = self.config.light
        self.places: RecordedPlaces | RecordedEdits | FolderMasks | RecordedMasks | Student
        if light.masks is not None:
            self.places = open_masks(light.masks, self.config.store)
            self._check_same("masks", light.masks, self.places.fingerprint)
        elif light.places is None:
            self.places = load_student(self.config.student.weights)
        else:
            recorded = RecordedEdits if light.composer == "pair" else RecordedPlaces
            self.places = recorded(light.places, self.config.store)
            self._check_same("places", light.places, self.places.fingerprint)
        self.listing = frozen_listing(self.store)
        self.lamp = lamp_of(self.config)

    def make(self, unit: WorkUnit, attempt: int) -> int:
        """Read, ask for places, put the light there, commit; the number of pictures, readable or not."""
        began = time.monotonic()
        with self.at_work(unit, attempt) as work:
            pairs = self._pairs([self.listing[index] for index in unit.indices])
            body, rows = phase("light", "light")(encode_lights)(pairs, self.config.publish.row_group)
            return commit_lights(self.config, self.store, work, body, rows, self.done(time.monotonic() - began))

    def _pairs(self, rows: Sequence[PictureRow]) -> Iterator[LitPair | Unlit]:
        config = self.config
        if isinstance(self.places, RecordedEdits):
            inverted = self.places.config  # a curve that was said for that run holds for its light
            said = config.light if config.light.response != "auto" else inverted.light
            response = response_of(said, inverted.generator.weights)
            return carried_unit(config.light, config.seed, self.places.of(rows), response)
        if isinstance(self.places, RecordedPlaces):
            answers = self.places.of(rows)
        elif isinstance(self.places, FolderMasks | RecordedMasks):
            answers = masked_unit(self.places, rows, pictures_of(config, self.store).read)
        else:
            answers = recommend_unit(self.places, config, rows, pictures_of(config, self.store).read)
        return light_unit(self.compose, config.light, self.lamp, config.seed, answers)

    def _check_same(self, name: str, place: str, found: str) -> None:
        """DataError: what was found there is not what this began with."""
        if found != read_run(self.store)["weights"][name]:
            raise DataError(f"light.{name}: {place} is no longer what this began with; take another output")

    @cached_property
    def compose(self) -> Composer:
        """The composer; that of `pair` is another one for each picture."""
        return load_composer(self.config.light.composer, **composer_settings(self.config, self.device))
