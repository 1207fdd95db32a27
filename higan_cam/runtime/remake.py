"""Making shards of a finished run again, from run.json, the boundary and the weights alone, and comparing bytes."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from higan_cam.config import RunConfig, differing_fields
from higan_cam.errors import DataError, WeightsError
from higan_cam.label import calibrated, final_range, make_scorer, scorer_files
from higan_cam.pictures import frozen_listing
from higan_cam.pipeline import Models, label_unit, on_final_scale
from higan_cam.pipeline.devices import device_kind, models_here
from higan_cam.pipeline.inverting import encoder_name, invert_unit, load_inverter
from higan_cam.pipeline.photos import student_name
from higan_cam.pipeline.units import encode_unit, heat_unit, unit_samples
from higan_cam.publish import decode_scores, encode_scores
from higan_cam.publish.agreement import codes_disagreement, samples_disagreement, scores_disagreement
from higan_cam.publish.codes import encode_codes
from higan_cam.runtime.plan import plan_label, plan_mask, plan_pilot
from higan_cam.runtime.preflight import file_role
from higan_cam.runtime.stages.fit import find_boundary
from higan_cam.runtime.workers.commit import computing
from higan_cam.runtime.workers.inputs import pictures_of, read_calibration, unit_pictures
from higan_cam.runtime.workers.student import with_own_student
from higan_cam.store import Store, describe_run, read_run
from higan_cam.store.keys import CODES, DATA, PILOT, SCORES, SHARD_STAGES, STAGE_NAMES, stats_key
from higan_cam.store.manifest import Entry, read_manifest
from higan_cam.store.run import listed_stage, recorded_config, recorded_floor
from higan_cam.types import Boundary, Scorer
from higan_cam.weights.embedded import EMBEDDED_ENCODERS, EMBEDDED_GENERATORS, EMBEDDED_STUDENTS
from higan_cam.weights.files import sha256_of
from higan_cam.weights.paths import expanded, with_network
from higan_cam.weights.zoo import weights_file


@dataclass(frozen=True)
class Remade:
    """One shard made again.

    Attributes:
        verdict: identical bytes; other bytes with the same samples within the tolerances of `publish.agreement`, where
            another kind of device or other versions explain it; or differing.
        detail: what differs, or why the bytes may.
    """

    path: str
    verdict: Literal["identical", "within tolerance", "differing"]
    detail: str = ""


def remake_shards(
    store: Store, count: int, *, seed: int = 0, weights: Sequence[Path] = (), tell: Callable[[str], None] = print
) -> Iterator[Remade]:
    """Make `count` random committed shards of either stage again in this process, one by one. Nothing is written.

    The boundary is the committed one; it is not fitted again. A GPU is used if there is one.

    Args:
        seed: chooses the shards.
        weights: files to look through, besides those that run.json names, for the run's weights; found by digest.
        tell: hears what is made, before it is made.

    Raises:
        DataError: nothing is committed yet.
        WeightsError: weights with the run's digests are not here.
        StoreError: no run, one of another version, or a store that cannot be read.
    """
    if listed_stage(store) is not None:
        raise DataError(
            f"{store.uri}: what `recommend`, `light` and `upscale` leave is not made again yet; `higan-cam verify` "
            "without --remake compares it with its record"
        )
    config = with_recorded_weights(recorded_config(store), read_run(store), weights)
    entries = [entry for stage in SHARD_STAGES for entry in read_manifest(store, stage).values() if entry]
    if not entries:
        raise DataError(f"{store.uri}: no shard is committed yet, so there is nothing to make again")
    chosen = random.Random(seed).sample(entries, min(count, len(entries)))  # noqa: S311 - which shards, no secret
    maker = _Maker(config, models_here(config), find_boundary(config, store), store)
    kind = device_kind(str(maker.models.device))
    for entry in chosen:
        tell(f"making {entry.record.path} again on {kind}")
        scale = _scale(config, maker.models.scorer, entry)
        yield _compared(store, entry, maker.make(entry), scale, kind)


def _scale(config: RunConfig, scorer: Scorer, entry: Entry) -> tuple[float, float] | None:
    """Bounds of the scores in the shard: labels are raw, samples on the final scale; None where there are none."""
    if entry.record.stage in (PILOT, DATA):
        return final_range(config.scorer, scorer)
    return scorer.score_range if np.isfinite(scorer.score_range).all() else None


def with_recorded_weights(config: RunConfig, run: Mapping[str, Any], files: Sequence[Path] = ()) -> RunConfig:
    """The configuration with every network's weights where a file with the recorded digest lies.

    Raises:
        WeightsError: there is none; names the role, the digest and what was looked at.
    """

    files = [expanded(file) for file in files]

    def with_weights(role: str, section: Any, named: Mapping[str, Path]) -> Any:
        changes: dict[str, str] = {}
        for field, path in named.items():
            wanted = str(run["weights"].get(file_role(role, field)))
            # A module and a detector go by their names: another file with the right digest would not be what runs.
            movable = field in type(section).model_fields and field != "factory"
            moved = _with_digest(f"{role}.{field}", path, wanted, files if movable else None)
            changes |= {} if moved is None else {field: with_network(moved, getattr(section, field) or "")}
        return section.model_copy(update=changes)

    generator = {"weights": weights_file(config.generator.weights, EMBEDDED_GENERATORS)}
    updates = {
        "generator": with_weights("generator", config.generator, generator),
        "scorer": with_weights("scorer", config.scorer, scorer_files(config.scorer)),
    }
    if config.judge is not None:
        files_named = scorer_files(config.judge)
        # By its path: the embedded one judges where the run's scorer goes by its name, and that may have moved.
        own = config.judge.weights
        by_path = {"weights": with_network(files_named["weights"], own)} if "weights" in files_named else {}
        second = with_weights("mask.second_scorer", config.judge.model_copy(update=by_path), files_named)
        updates["mask"] = config.mask.model_copy(update={"second_scorer": second})
    found = config.model_copy(update=updates)
    return found if config.source.kind == "latents" else _with_recorded_readers(config, found, run, files)


def _with_recorded_readers(
    config: RunConfig, found: RunConfig, run: Mapping[str, Any], files: Sequence[Path]
) -> RunConfig:
    """`found` with what reads pictures, encoder and student, by the recorded digests too.

    Which they are goes by the generator's name in `config`; where that has moved, they are named by their paths.
    """
    moved = config.generator.weights != found.generator.weights
    named = {
        "invert.encoder": (encoder_name(config), EMBEDDED_ENCODERS),
        "student": (student_name(config), EMBEDDED_STUDENTS),
    }
    paths: dict[str, str] = {}
    for role, (name, table) in named.items():
        if name is not None and role in run["weights"]:
            own = weights_file(name, table)
            elsewhere = _with_digest(role, own, str(run["weights"][role]), files)
            paths |= {role: elsewhere or str(own)} if elsewhere or moved else {}
    invert = found.invert.model_copy(update={"encoder": paths.get("invert.encoder", found.invert.encoder)})
    student = found.student.model_copy(update={"weights": paths.get("student", found.student.weights)})
    return found.model_copy(update={"invert": invert, "student": student})


def _with_digest(field: str, named: Path, wanted: str, files: Sequence[Path] | None) -> str | None:
    """None where the file that the configuration names is the right one; else the path of one that is.

    `files` None: it has to lie where it is named.
    """
    looked_at = []
    for path in (named, *(files or ())):
        digest = sha256_of(path) if path.is_file() else "no such file"
        if digest == wanted:
            return str(path) if files and path in files else None
        looked_at.append(f"{path}: {digest}")
    listed = "\n  ".join(looked_at)
    raise WeightsError(
        f"{field}: this run was made with sha256 {wanted}, and that is not here:\n  {listed}\n"
        + ("Put that file there." if files is None else "Give the file with --weights FILE.")
    )


@dataclass(frozen=True)
class _Maker:
    config: RunConfig
    models: Models
    boundary: Boundary | None
    store: Store

    def make(self, entry: Entry) -> bytes:
        """The shard's bytes, with the micro-batch that its maker had memory for."""
        stage = entry.record.stage
        name = "mask" if stage == PILOT else STAGE_NAMES[stage]
        section = getattr(self.config, name)
        size = entry.extra.get("micro_batch", section.micro_batch)
        config = computing(self.config, stage, self.store)
        config = config.model_copy(update={name: getattr(config, name).model_copy(update={"micro_batch": size})})
        makers = {"label": self._scores, "invert": self._codes, "mask": self._samples}
        return makers[name](config, entry)

    def _scores(self, config: RunConfig, entry: Entry) -> bytes:
        return encode_scores(*label_unit(self.models, config, plan_label(config)[entry.record.shard]))

    def _samples(self, config: RunConfig, entry: Entry) -> bytes:
        if self.boundary is None:
            raise DataError(f"{config.output}: {entry.record.path} is there without its boundary; fit it again")
        units = plan_pilot(config) if entry.record.stage == PILOT else plan_mask(config)
        unit = units[entry.record.shard]
        models = on_final_scale(with_own_student(self.models, config, self.store), self.boundary)
        pictures = unit_pictures(config, self.store, unit.shard)
        codes, floor = pictures.codes if pictures else None, recorded_floor(self.store)
        heat = heat_unit(models, config, self.boundary, unit, codes, floor)
        on_cpu = models.device.type == "cpu"
        scorer = models.scorer if on_cpu else calibrated(make_scorer(config.scorer), self.boundary.metrics)
        samples = unit_samples(scorer, config, heat, pictures)
        return encode_unit(scorer, config, samples, heat, pictures)

    def _codes(self, config: RunConfig, entry: Entry) -> bytes:
        listing = frozen_listing(self.store)
        rows = [listing[index] for index in plan_mask(config)[entry.record.shard].indices]
        inverter = load_inverter(self.models, config, read_calibration(self.store))
        return encode_codes(invert_unit(self.models, config, inverter, rows, pictures_of(config, self.store).read))


def _compared(store: Store, entry: Entry, ours: bytes, score_range: tuple[float, float] | None, kind: str) -> Remade:
    record = entry.record
    theirs = store.get(record.path)
    if theirs == ours:
        return Remade(record.path, "identical")
    reasons = _reasons(store, entry, kind)
    if not reasons:
        return Remade(record.path, "differing", "other bytes, on the same kind of device with the same versions")
    beyond = _beyond_tolerance(record.stage, theirs, ours, score_range)
    if beyond is not None:
        return Remade(record.path, "differing", beyond)
    return Remade(record.path, "within tolerance", f"other bytes, the same samples ({'; '.join(reasons)})")


def _beyond_tolerance(stage: str, theirs: bytes, ours: bytes, score_range: tuple[float, float] | None) -> str | None:
    if stage == CODES:
        return codes_disagreement(theirs, ours)
    if score_range is None:  # scores without bounds: those of the shard
        scores = decode_scores(theirs)[1]
        score_range = float(np.nanmin(scores)), float(np.nanmax(scores))
    disagreement = scores_disagreement if stage == SCORES else samples_disagreement
    return disagreement(theirs, ours, score_range)


def _reasons(store: Store, entry: Entry, kind: str) -> list[str]:
    """Why other bytes are to be expected: device and versions, there and here."""
    recorded, here = read_run(store).get("versions", {}), describe_run(recorded_config(store), {})["versions"]
    lines = [line for line in differing_fields(recorded, here) if not line.startswith("ray:")]
    body = store.find(stats_key(entry.record.stage, entry.record.shard))
    there = json.loads(body).get("device") if body is not None else None
    if there is None:
        return [*lines, f"made on an unrecorded kind of device, here {kind}"]
    return lines if there == kind else [*lines, f"made on {there}, here {kind}"]
