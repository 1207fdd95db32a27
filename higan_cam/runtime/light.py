"""`higan-cam light`: lamps put into every picture of a listing, as pairs with words."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from rich.console import Console

from higan_cam.config import RunConfig, UpscaleConfig
from higan_cam.errors import ConfigError, unknown_name
from higan_cam.mask.student import load_student
from higan_cam.pictures import PictureRow, list_pictures, read_listing
from higan_cam.pictures.source import absolute
from higan_cam.publish.report.students.lights import write_lights_report
from higan_cam.relight.composers import load_composer
from higan_cam.relight.composers.named import FILES
from higan_cam.relight.composers.pair import check_feather
from higan_cam.runtime.cluster.head import Head
from higan_cam.runtime.listed import on_listed_pictures
from higan_cam.runtime.run import Outcome
from higan_cam.runtime.stages.pool import Task
from higan_cam.runtime.workers.edits import RecordedEdits
from higan_cam.runtime.workers.light import LightWorker
from higan_cam.runtime.workers.masks import checked_masks, named_masks
from higan_cam.runtime.workers.places import ON_DEVICES, RecordedPlaces, composer_settings, lamp_of
from higan_cam.store import open_store
from higan_cam.store.canonical import digest
from higan_cam.store.keys import LIGHTS
from higan_cam.weights.embedded import EMBEDDED_STUDENTS, EMBEDDED_TRANSLATORS
from higan_cam.weights.files import sha256_of
from higan_cam.weights.zoo import weights_file


def light(config: RunConfig, console: Console | None = None, head: Head | None = None) -> Outcome:
    """Light in every picture of `config.source`, and a page of the first ones.

    Raises:
        HiganCamError: configuration, weights or store problems; what is already written stays.
        LeaseHeldError: another driver is at work on this output.
    """
    console = console or Console()
    config = _from_here(config)
    digests = _checked(config, console)  # what is wrong is said before anything is written
    task, gpus = Task(stage=LIGHTS, worker=LightWorker), config.light.composer in ON_DEVICES
    return on_listed_pictures(config, task, digests, write_lights_report, console, head, gpus=gpus)


def _from_here(config: RunConfig) -> RunConfig:
    """With places, lamp and the composer's files as workers elsewhere find them, wherever this was started.

    Nothing is enlarged, which is another command's.
    """
    places, lamp, settings = config.light.places, config.light.lamp, config.light.settings
    named = FILES.get(config.light.composer, "")
    file = settings.get(named)
    if isinstance(file, str) and file not in EMBEDDED_TRANSLATORS:
        settings = {**settings, named: _absolute(file)}
    with named_masks():
        masks = None if config.light.masks is None else absolute(config.light.masks)
    found = {
        "masks": masks,
        "places": None if places is None else open_store(places, config.store).uri,
        "lamp": None if lamp is None else _absolute(lamp),
        "settings": settings,
    }
    return config.model_copy(update={"light": config.light.model_copy(update=found), "upscale": UpscaleConfig()})


def _absolute(file: str) -> str:
    return file if "://" in file else str(Path(file).expanduser().absolute())


def _checked(config: RunConfig, console: Console) -> dict[str, str]:
    """{role: sha256} of student, lamp, places and the composer's weights. Raises what is wrong with them."""
    light = config.light
    if not light.gains:
        raise ConfigError("light.gains must name a gain above 0 at least; --gain 1 is the light as it is")
    if light.masks is not None and (light.places is not None or light.composer == "pair" or light.lamps != 1):
        raise ConfigError(
            "light.masks: a mask says where its picture's one lamp is; leave light.places and the composer pair out, "
            "and light.lamps at 1"
        )
    if light.composer == "pair":
        return _edits(config).digests
    if light.response != "auto":
        raise ConfigError(
            f"light.response: the composer {light.composer} has its own; leave it out, or take --composer pair"
        )
    load_student(config.student.weights)
    digests = {"student": sha256_of(weights_file(config.student.weights, EMBEDDED_STUDENTS))}
    digests |= load_composer(light.composer, **composer_settings(config, "cpu")).digests
    lamp = lamp_of(config)
    if lamp is not None:
        digests["lamp"] = digest(lamp.tobytes())
    if light.masks is not None:
        digests["masks"] = checked_masks(light.masks, config.store, _pictures(config)).fingerprint
    if light.places is not None:
        places = RecordedPlaces(light.places, config.store)
        digests["places"] = places.fingerprint
        if not places.whole:
            console.print(
                "places were looked for in the square in the middle of each picture, where light ends too; for whole "
                "pictures: recommend with --set source.fit=pad"
            )
    return digests


def _pictures(config: RunConfig) -> Iterable[PictureRow]:
    """Those that will be lit: what an output that goes on has listed when it began, else what is there now."""
    source = config.source
    kept = read_listing(open_store(config.output, config.store))
    same = kept is not None and (kept.source, kept.column) == (absolute(str(source.pictures)), source.column)
    listed = kept if kept is not None and same else list_pictures(str(source.pictures), config.store, source.column)
    return islice(listed, source.limit)


def _edits(config: RunConfig) -> RecordedEdits:
    """Those of the run that the composer `pair` takes; what it cannot use is a ConfigError."""
    light = config.light
    if light.places is None:
        raise ConfigError("light.places: the composer pair takes a run on these pictures, which has inverted them")
    if light.lamp is not None:
        raise ConfigError("light.lamp: the composer pair has none: the light is the run's own edit; leave it out")
    for name in light.settings:
        if name != "feather":
            raise unknown_name("light.settings", name, ("feather",))
        try:
            check_feather(light.settings[name])
        except ValueError as error:
            raise ConfigError(f"light.settings: {error}") from error
    return RecordedEdits(light.places, config.store)
