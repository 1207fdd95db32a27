"""The run's identity card, `run.json`: enough to make every byte again, and the guard against mixing two runs."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

from higan_cam.config import RunConfig, config_hash, differing_fields, identity, parse_config
from higan_cam.config.stages import AUTO
from higan_cam.errors import ConfigError, RunMismatchError, StoreError
from higan_cam.store.keys import LIGHTS, LISTING_KEY, PLACES, RUN_KEY, UPSCALED
from higan_cam.store.store import Store

_SHAPING = ("higan-cam", "torch", "torchvision", "numpy", "scikit-learn", "opencv-python-headless", "pyarrow")
"""Packages that may change a byte of the output."""
_RECORDED = ("ray",)
"""Packages that only carry the work; recorded, and free to change between two starts of a run."""
FLOOR = "floor_levels"
"""Where run.json says what `recorded_floor` reads."""
STUDENT = "student_sha256"
"""Where run.json says what `recorded_student` reads."""
CHOSEN = "attribution"
"""Where run.json says what `recorded_choice` reads."""


def begin_run(
    store: Store,
    config: RunConfig,
    weights: Mapping[str, str] | None = None,
    floor: Callable[[], int] | None = None,
    settled: Mapping[str, str] | None = None,
) -> bool:
    """Claim the output directory for this configuration, or go on with the run that is there.

    Old leftovers of dead writers are removed from it.

    Args:
        store: the output directory.
        config: the whole job.
        weights: {role: sha256} of the weights it uses.
        floor: measures how far rounding moves a picture (`recorded_floor`); called for a new run alone.
        settled: {name: value} of what the configuration leaves open (`auto`) and a table decides; for readers.

    Returns:
        True for a new run, False for one that goes on.

    Raises:
        RunMismatchError: the run there has another configuration, other weights or other versions; names the fields.
        StoreError: the directory cannot be written, or holds something that is not a run; nothing is touched.
    """
    new = _claim(store, {**describe_run(config, weights or {}), **(settled or {})}, floor)
    store.remove_leftovers()
    return new


def read_run(store: Store) -> dict[str, Any]:
    """The contents of `run.json`.

    Raises:
        StoreError: when there is none, it is not one, or each of several attributes has a run of its own.
    """
    run = _read(store)
    if run["config"].get("attributes"):
        listed = ", ".join(run_uris(store))
        raise StoreError(f"{store.uri} holds a run for each of several attributes; name one of them: {listed}")
    return run


def run_uris(store: Store) -> list[str]:
    """The run there, or, where it is one of several attributes, the run of each. StoreError: none."""
    names = _read(store)["config"].get("attributes", {})
    return [f"{store.uri.rstrip('/')}/{name}" for name in names] or [store.uri]


def describe_run(config: RunConfig, weights: Mapping[str, str]) -> dict[str, Any]:
    """What `run.json` says: configuration without output and runtime, its hash, versions, weights, seed. No clock.

    Beside what a run measures when it begins, and the student that it trains, by which nobody is refused.
    """
    return {
        "config": identity(config),
        "config_hash": config_hash(config),
        "seed": config.seed,
        "versions": _versions(),
        "weights": dict(weights),
    }


def _read(store: Store) -> dict[str, Any]:
    body = store.find(RUN_KEY)
    if body is None:
        raise StoreError(f"{store.uri}: not a run (there is no {RUN_KEY}); check the path")
    return _parse(store, body)


def _claim(store: Store, ours: Mapping[str, Any], floor: Callable[[], int] | None) -> bool:
    there = store.find(RUN_KEY)
    if there is None:
        strangers = store.glimpse()
        if strangers and not store.exists(RUN_KEY):
            raise StoreError(
                f"{store.uri}: not empty and not a run (there is no {RUN_KEY}, but {strangers}): choose another output "
                "or empty it"
            )
        measured = {FLOOR: floor()} if floor is not None else {}
        if store.put_new(RUN_KEY, _encoded({**ours, **measured})):
            return True
        there = store.get(RUN_KEY)
    _refuse_other(store, _parse(store, there), ours)
    return False


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in (*_SHAPING, *_RECORDED):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _parse(store: Store, body: bytes) -> dict[str, Any]:
    try:
        run = json.loads(body)
    except ValueError as error:
        raise StoreError(f"{store.uri}/{RUN_KEY}: not valid JSON; restore it or choose another output") from error
    if not isinstance(run, dict) or not isinstance(run.get("config"), dict):
        raise StoreError(f"{store.uri}/{RUN_KEY}: not written by this program; choose another output")
    return run


def _refuse_other(store: Store, there: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    lines = differing_fields(there["config"], ours["config"])
    lines += differing_fields(_section(there, "weights"), ours["weights"], "weights.")
    lines += differing_fields(_shaping(there), _shaping(ours), "versions.")
    if lines:
        listed = "\n  ".join(lines)
        raise RunMismatchError(
            f"{store.uri} belongs to a run with other settings:\n  {listed}\n"
            "Choose another output, or start with the settings of its run.json to go on."
        )


def _shaping(run: Mapping[str, Any]) -> dict[str, Any]:
    versions = _section(run, "versions")
    return {name: versions[name] for name in _SHAPING if name in versions}


def _section(run: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = run.get(name)
    return section if isinstance(section, Mapping) else {}


def recorded_config(store: Store) -> RunConfig:
    """The configuration in run.json, with this store as output; `runtime` has its defaults, as it is not recorded.

    Raises:
        StoreError: no run, or one whose configuration this version does not know in every field.
    """
    run = read_run(store)
    try:
        config = parse_config({**run["config"], "output": store.uri})
    except ConfigError as error:
        raise _other_version(store, run, str(error)) from error
    if config_hash(config) != run.get("config_hash"):
        raise _other_version(store, run, "its hash is not that of its fields here")
    return with_count(config, store)


def listed_stage(store: Store) -> str | None:
    """The stage of an output of `recommend`, `light` or `upscale`; None for a run, which has several.

    By the weights that each records: a run has a generator, and so has `light --composer pair`, beside its places.

    Raises:
        StoreError: it is no run.
    """
    run = read_run(store)
    weights, light = _section(run, "weights"), _section(run["config"], "light")
    if "upscaler" in weights:
        return UPSCALED
    if "places" in weights or ("student" in weights and "generator" not in weights):
        return LIGHTS if light.get("gains") else PLACES
    return None


def planned_samples(store: Store, config: Mapping[str, Any]) -> int:
    """How many samples the run of this recorded configuration has when it is finished.

    Raises:
        StoreError: the configuration does not say, or its listing is not there.
    """
    source = config.get("source", {})
    try:
        if source.get("kind") != "pictures":
            return int(config["mask"]["count"])
        listed = int(json.loads(store.find(LISTING_KEY) or b"")["count"])
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"{store.uri}: {RUN_KEY} and {LISTING_KEY} do not say how many samples there will be; was one edited?"
        ) from error
    return min(listed, source.get("limit") or listed)


def with_count(config: RunConfig, store: Store) -> RunConfig:
    """The configuration with as many samples as the run's listing has pictures; as it is on latents, or before that."""
    if config.source.kind == "latents" or store.find(LISTING_KEY) is None:
        return config
    count = planned_samples(store, {"source": config.source.model_dump()})
    return config.model_copy(update={"mask": config.mask.model_copy(update={"count": count})})


def recorded_floor(store: Store) -> float | None:
    """Levels of an 8-bit picture up to which a change is rounding in this run; None where it was not measured.

    StoreError: no run, or something else in that place.
    """
    levels = read_run(store).get(FLOOR)
    if levels is None or (isinstance(levels, int | float) and levels >= 1):
        return levels
    raise StoreError(f"{store.uri}/{RUN_KEY}: {FLOOR} must be a number of levels from 1 up, found {levels!r}")


def recorded_student(store: Store) -> str | None:
    """sha256 of the student that a refined run's masks are of; None before it is trained. StoreError: no run."""
    recorded = read_run(store).get(STUDENT)
    return None if recorded is None else str(recorded)


def record_student(store: Store, sha256: str) -> str:
    """Write down which student the run has trained, unless one is written down already; the one that is."""
    return str(_record_once(store, STUDENT, sha256))


def recorded_choice(store: Store) -> Mapping[str, Any] | None:
    """The attribution that the run has chosen, as `publish.chosen` writes it; None before that. StoreError: no run."""
    recorded = read_run(store).get(CHOSEN)
    if recorded is None or (isinstance(recorded, dict) and isinstance(recorded.get("name"), str)):
        return recorded
    raise StoreError(f"{store.uri}/{RUN_KEY}: {CHOSEN} must say which was chosen, found {recorded!r}; was it edited?")


def record_choice(store: Store, choice: Mapping[str, Any]) -> str:
    """Write down what the run has chosen, unless a choice is written down already: the name in the one that counts."""
    return str(_record_once(store, CHOSEN, choice)["name"])


def with_choice(config: RunConfig, store: Store) -> RunConfig:
    """The configuration with the attribution that the run has chosen; as it is where it names one, or before that.

    For computing and for saying only: hash and record remain those of what was asked for.
    """
    chosen = recorded_choice(store) if config.attribution.name == AUTO else None
    return config if chosen is None else config.with_attribution(chosen["name"])


def _record_once(store: Store, name: str, value: Any) -> Any:
    """Under the lease: run.json is replaced whole, with all that stands in it."""
    run = read_run(store)
    if name not in run:
        run[name] = value
        store.put(RUN_KEY, _encoded(run))
    return run[name]


def _encoded(run: Mapping[str, Any]) -> bytes:
    return (json.dumps(run, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode()


def _other_version(store: Store, run: Mapping[str, Any], detail: str) -> StoreError:
    versions = run.get("versions")
    version = versions.get("higan-cam") if isinstance(versions, Mapping) else None
    return StoreError(
        f"{store.uri}/{RUN_KEY}: written by higan-cam {version or 'of an unknown version'}, whose configuration this "
        f"version does not read ({detail}); use that version for this run"
    )
