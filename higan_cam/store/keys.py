"""What a run leaves behind, and the only place that spells its keys.

    run.json                               configuration, versions, digests of the weights, rounding floor
    listing/part-00000.parquet             the pictures of a run on pictures: index, key, bytes, identity
    listing/listing.json                   written after its parts: the listing counts from then on
    listing/calibration.json               how well the generator draws its own samples: what a picture is held against
    listing/bank.safetensors               of `recommend --absent`: the samples of a run that pictures are compared with
    scores/part-00000.parquet              index and score of every labelled latent
    codes/part-00000.parquet               of a run on pictures: the code of each, how good it is, or why there is none
    boundary/<attribute>.safetensors       the boundary; .json: the metrics of its fit
    boundary/selected.json                 the samples of both tails that it was fitted on
    pilot/part-00000.parquet               of a refined run: the samples that its student learns from, as data/ has them
    student/student.safetensors            of a refined run: the student; its sha256 is in run.json
    data/train-00000-of-00014.parquet      the dataset; also validation-… and test-…
    places/part-00000.parquet              of `higan-cam recommend`: where a student would put the attribute
    lights/part-00000.parquet              of `higan-cam light`: pictures with lamps in them, in pairs with words
    upscaled/part-00000.parquet            of `higan-cam upscale`: pictures, larger
    manifest/scores-00000.json             one entry per shard, written after it; also codes-…, pilot-…, data-…
    manifest/quarantined-data-00000.json   why a unit was given up
    stats/data-00000.json                  timing of a shard; outside the run's identity
    stats/index/data.jsonl                 from 1,000 shards on: their entries once more, to be read at once
    stats/index/tally.safetensors          from 1,000 score shards on: what the fit needs of all of them
    stats/lease/000001.json                the drivers that the run has had
    curation/<name>.parquet, .json         selections of `higan-cam curate`
    directions/<name>.safetensors, .json   of `higan-cam directions`: a direction without labels, as a boundary is
    directions/channels/<of>-<row>.safetensors   of `--method words`: how a network sees each style channel
    directions/<method>-table.json         what each of them changes; <method>-sheet.png: strips along them
    report/                                the pages and what is drawn into them
    README.md                              the dataset card

People say label, invert, mask, recommend, light and upscale for scores, codes, data, places, lights and upscaled:
`STAGE_NAMES`.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from higan_cam.config import RunConfig

RUN_KEY = "run.json"
SCORES, CODES, PILOT, DATA = "scores", "codes", "pilot", "data"
PLACES, LIGHTS, UPSCALED = "places", "lights", "upscaled"
SHARD_STAGES = (SCORES, CODES, PILOT, DATA, PLACES, LIGHTS, UPSCALED)
"""Stages that make shards, in the order of the flow."""
STAGE_NAMES = {
    SCORES: "label",
    CODES: "invert",
    PILOT: "pilot",
    DATA: "mask",
    PLACES: "recommend",
    LIGHTS: "light",
    UPSCALED: "upscale",
}
LISTING, LISTING_KEY = "listing/", "listing/listing.json"
CALIBRATION_KEY, BANK_KEY = "listing/calibration.json", "listing/bank.safetensors"
MANIFEST, LEASES, CURATION = "manifest/", "stats/lease/", "curation/"
DIRECTIONS = "directions/"
TALLY_KEY = "stats/index/tally.safetensors"
SELECTED_KEY = "boundary/selected.json"
STUDENT_KEY = "student/student.safetensors"
REPORT_KEY, CARD_KEY = "report/index.html", "README.md"
GALLERY_KEY, GALLERY = "report/gallery.html", "report/gallery/"
RESCORING_KEY, RESCORING_PLOT_KEY = "report/rescoring.json", "report/rescoring.png"
INPAINTER_KEY, INPAINTER_PICTURE_KEY = "report/inpainter.json", "report/inpainter.png"
Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_MANIFEST_KEY = re.compile(r"manifest/(?P<given_up>quarantined-)?(?P<stage>[a-z]+)-(?P<shard>\d{5,})\.json")
_LEASE_KEY = re.compile(r"stats/lease/(?P<number>\d{6,})\.json")
_SHARD_PATH = re.compile(r"data/(?P<split>train|validation|test)-(?P<number>\d+)-of-(?P<of>\d+)\.parquet")


class ManifestKey(NamedTuple):
    """What a key of the manifest says: a shard's entry, or why its unit was given up."""

    stage: str
    shard: int
    given_up: bool


class ShardPlace(NamedTuple):
    """Where a dataset shard stands: number `number` of the `of` shards that its split has in the end."""

    split: str
    number: int
    of: int


def scores_path(shard: int) -> str:
    """Key of a score shard."""
    return f"{SCORES}/part-{shard:05d}.parquet"


def codes_path(shard: int) -> str:
    """Key of a shard of codes."""
    return f"{CODES}/part-{shard:05d}.parquet"


def pilot_path(shard: int) -> str:
    """Key of a shard of a pilot."""
    return f"{PILOT}/part-{shard:05d}.parquet"


def places_path(shard: int) -> str:
    """Key of a shard of recommendations."""
    return f"{PLACES}/part-{shard:05d}.parquet"


def lights_path(shard: int) -> str:
    """Key of a shard of pictures with light in them."""
    return f"{LIGHTS}/part-{shard:05d}.parquet"


def upscaled_path(shard: int) -> str:
    """Key of a shard of enlarged pictures."""
    return f"{UPSCALED}/part-{shard:05d}.parquet"


def shard_path(split: Split, number: int, of: int) -> str:
    """Key of a dataset shard, in the naming that `datasets` expects."""
    return f"{DATA}/{split}-{number:05d}-of-{of:05d}.parquet"


def shard_place(path: str) -> ShardPlace | None:
    """What `shard_path` was made of; None for a path of another form."""
    match = _SHARD_PATH.fullmatch(path)
    return ShardPlace(match["split"], int(match["number"]), int(match["of"])) if match else None


def split_of(path: str) -> str:
    """The split of a dataset shard."""
    return path.removeprefix(f"{DATA}/").split("-")[0]


def shard_stem(path: str) -> str:
    """`train-00000-of-00014`: the file of a shard without folder and ending."""
    return path.rpartition("/")[2].removesuffix(".parquet")


def split_glob(split: str) -> str:
    """Pattern of all shards of a split, for those who load them."""
    return f"{DATA}/{split}-*.parquet"


def boundary_keys(config: RunConfig) -> tuple[str, str]:
    """Keys of the boundary's tensors and of its metrics."""
    return f"boundary/{config.attribute}.safetensors", f"boundary/{config.attribute}.json"


def direction_keys(name: str) -> tuple[str, str]:
    """Keys of a direction's tensors and of its figures."""
    return f"{DIRECTIONS}{name}.safetensors", f"{DIRECTIONS}{name}.json"


def directions_keys(method: str) -> tuple[str, str]:
    """Keys of the table and of the sheet of all directions by one method."""
    return f"{DIRECTIONS}{method}-table.json", f"{DIRECTIONS}{method}-sheet.png"


def channels_key(of: str, row: int) -> str:
    """Key of how a network sees the channels of a row of w+; `of` says which network, looks and codes."""
    return f"{DIRECTIONS}channels/{of}-{row:02d}.safetensors"


def manifest_key(stage: str, shard: int) -> str:
    """Key of a shard's manifest entry."""
    return f"{MANIFEST}{stage}-{shard:05d}.json"


def index_key(stage: str) -> str:
    """Key of all entries of a stage in one object."""
    return f"stats/index/{stage}.jsonl"


def quarantine_key(stage: str, shard: int) -> str:
    """Key of what is written down about a unit that was given up."""
    return f"{MANIFEST}quarantined-{stage}-{shard:05d}.json"


def manifest_prefix(stage: str, *, given_up: bool = False) -> str:
    """What all entries of a stage begin with, or all notes about its given-up units."""
    return f"{MANIFEST}{'quarantined-' if given_up else ''}{stage}-"


def parse_manifest_key(key: str) -> ManifestKey | None:
    """What a key of the manifest says; None for another key."""
    match = _MANIFEST_KEY.fullmatch(key)
    return ManifestKey(match["stage"], int(match["shard"]), bool(match["given_up"])) if match else None


def stats_key(stage: str, shard: int) -> str:
    """Key of a shard's timing."""
    return f"{stats_prefix(stage)}{shard:05d}.json"


def stats_prefix(stage: str) -> str:
    """What the keys of a stage's timings begin with."""
    return f"stats/{stage}-"


def lease_key(number: int) -> str:
    """Key of the number-th lease of the output."""
    return f"{LEASES}{number:06d}.json"


def lease_number(key: str) -> int | None:
    """The number of a lease; None for another key."""
    match = _LEASE_KEY.fullmatch(key)
    return int(match["number"]) if match else None


def selection_keys(name: str) -> tuple[str, str]:
    """Keys of a selection's table and of its summary."""
    return f"{CURATION}{name}.parquet", f"{CURATION}{name}.json"


def listing_part(number: int) -> str:
    """Key of a part of the frozen listing of pictures."""
    return f"{LISTING}part-{number:05d}.parquet"
