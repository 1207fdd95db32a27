"""Pictures with their light turned: the page of `higan-cam light`, and what the report of a run that relights shows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml
from jinja2 import Environment

from higan_cam.config import RunConfig, config_hash
from higan_cam.publish.card import card_environment, dataset_info
from higan_cam.publish.images import decode_image
from higan_cam.publish.lights import LIGHT_COLUMNS, WITHOUT
from higan_cam.publish.reading import read_batches, read_notes, shard_errors
from higan_cam.publish.report import format as fmt
from higan_cam.publish.report import pictures as images
from higan_cam.publish.report.photos import LISTED, SHOWN, reduced
from higan_cam.publish.report.templating import page_environment
from higan_cam.store import Store, committed, read_run
from higan_cam.store.keys import CARD_KEY, DATA, LIGHTS, REPORT_KEY
from higan_cam.types import ByteArray
from higan_cam.weights.embedded import drawn_response

SAYS: dict[str, str] = {
    "cutout": "in the shape of a student's heat: it knows neither the depth of a room nor what throws shadows",
    "diffusion": "as a diffusion pipeline drew it, inside the feathered mask alone",
    "pair": "as a run's own edit of each picture gave it",
    "translator": "as a network has learned it from pairs, which gives some light also where it knows nothing",
}
"""What a composer's light is, by its name."""
RELIT = 4
"""Samples whose lights the report of a run shows."""
_SHOWN = ("picture_key", "input_image", "edited_image", "edit_prompt", "gain", "kelvin")


@dataclass(frozen=True, eq=False)
class PairView:
    """One pair to show, reduced; gains and kelvins before and after."""

    before: ByteArray
    after: ByteArray
    words: str
    gains: tuple[float, float]
    kelvins: tuple[float, float]


@dataclass(frozen=True)
class LightsContent:
    """The page.

    Attributes:
        pairs: made; counts: {empty or unreadable: pictures}.
        without: (name, status, reason) of those without a pair, the first `LISTED`; more: how many others.
        views: {picture: its pairs}, the first `SHOWN` pairs.
        light: what the light is that was put in, as `SAYS` has it.
    """

    source: str
    pairs: int
    counts: dict[str, int]
    without: tuple[tuple[str, str, str], ...]
    more: int
    views: dict[str, list[PairView]]
    light: str


@dataclass(frozen=True, eq=False)
class RelitView:
    """A sample of a run that relights.

    Attributes:
        unlit: its picture, before a lamp's light is put in.
        settings: (picture, what leads there from `unlit`) for each setting of each lamp.
        response: name of the curve in whose units light was added.
    """

    name: str
    unlit: ByteArray
    settings: tuple[tuple[ByteArray, str], ...]
    response: str


def read_relit(config: RunConfig, store: Store) -> tuple[RelitView, ...]:
    """The first `RELIT` samples with lights of the first shard with samples; none where a run relights nothing.

    Raises:
        StoreError: a shard cannot be read.
    """
    records = committed(store, DATA, config_hash(config)) if config.light.gains else {}
    first = next((records[shard] for shard in sorted(records) if records[shard].rows), None)
    if first is None:
        return ()
    unlit = "picture_negative" if config.source.kind == "pictures" else "negative"
    response, views = drawn_response(config.generator.weights, config.light.response), list[RelitView]()
    for rows in read_batches(store, first, ("id", unlit, "lights"), 1):
        with shard_errors(store, first):
            views += [_relit(row, unlit, response) for row in rows if row["lights"]]
        if len(views) == RELIT:
            break
    return tuple(views)


def _relit(row: dict[str, Any], unlit: str, response: str) -> RelitView:
    lights = ((light["image"], light["on_prompt"]) for light in row["lights"])
    settings = tuple((reduced(decode_image(image["bytes"])), words) for image, words in lights)
    return RelitView(row["id"], reduced(decode_image(row[unlit]["bytes"])), settings, response)


def write_lights_report(config: RunConfig, store: Store) -> None:
    """Write page and card of what is committed; nothing before the first shard. StoreError: a shard cannot be read."""
    content = read_lights(config, store)
    if content is not None:
        store.put(REPORT_KEY, _environment().get_template("lights.html.j2").render(content=content).encode())
        store.put(CARD_KEY, lights_card(content, store.uri, read_run(store)).encode())


def lights_card(content: LightsContent, uri: str, run: Mapping[str, Any]) -> str:
    """README.md of the output, by whose head `datasets` loads its rows. Equal arguments give equal text."""
    kinds = {name: [kind] if isinstance(kind, dict) else kind for name, (kind, _) in LIGHT_COLUMNS.items()}
    head = {
        "pretty_name": "Pictures that differ by a lamp",
        "annotations_creators": ["machine-generated"],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": f"{LIGHTS}/*.parquet"}]}],
        "dataset_info": dataset_info(kinds, {}),
    }
    columns = {name: meaning for name, (_, meaning) in LIGHT_COLUMNS.items()}
    front_matter = yaml.safe_dump(head, sort_keys=False, allow_unicode=True)
    template = card_environment().get_template("lights_card.md.j2")
    return template.render(front_matter=front_matter, content=content, uri=uri, columns=columns, run=run)


def read_lights(config: RunConfig, store: Store) -> LightsContent | None:
    """What the shards of lights hold, one at a time; None where there is none."""
    records = committed(store, LIGHTS, config_hash(config))
    if not records:
        return None
    counts: Counter[str] = Counter()
    without: list[tuple[str, str, str]] = []
    views: dict[str, list[PairView]] = {}
    shown = 0
    for shard in sorted(records):
        lost = json.loads(read_notes(store, records[shard]).get(WITHOUT, "[]"))
        counts.update(status for _, status, _ in lost)
        without += [(key, status, reason) for key, status, reason in lost[: LISTED - len(without)]]
        for rows in read_batches(store, records[shard], _SHOWN, 1) if shown < SHOWN else ():
            with shard_errors(store, records[shard]):
                views.setdefault(rows[0]["picture_key"], []).append(_view(rows[0]))
            shown += 1
            if shown == SHOWN:
                break
    pairs = sum(record.rows for record in records.values())
    more = sum(counts.values()) - len(without)
    says = SAYS[config.light.composer]
    return LightsContent(str(config.source.pictures), pairs, dict(counts), tuple(without), more, views, says)


def _view(row: dict[str, Any]) -> PairView:
    before, after = (reduced(decode_image(row[name]["bytes"])) for name in ("input_image", "edited_image"))
    return PairView(before, after, row["edit_prompt"], tuple(row["gain"]), tuple(row["kelvin"]))


@cache
def _environment() -> Environment:
    return page_environment(count=fmt.format_count, photo_uri=images.photo_uri)
