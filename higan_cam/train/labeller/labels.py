"""Labels that people gave to a run's latents, and whether they are of its pictures."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from higan_cam.errors import ConfigError
from higan_cam.label.labelled.pictured import NOTES, differences
from higan_cam.label.labelled.table import read_table

log = logging.getLogger(__name__)


def read_labels(path: Path, count: int) -> dict[int, bool]:
    """{index: label} in the order of the indices.

    Args:
        count: latents of the run; indices are below it.

    Raises:
        ConfigError: no file, no labels, or as `read_table`.
    """
    try:
        with path.open("rb") as file:
            table = read_table(file, count)
    except OSError as error:
        raise ConfigError(f"--labels {path}: cannot be read ({error.strerror}); name a CSV of index,label") from error
    except ValueError as error:
        raise ConfigError(f"--labels {path}: {error}") from error
    if not table.labels:
        raise ConfigError(f"--labels {path}: no labels below the heading; expected lines such as 12,1")
    if table.repeated:
        log.warning("labels=%s: %d lines repeat an index with the same label; each counts once", path, table.repeated)
    return dict(sorted(table.labels.items()))


def check_notes(path: Path, ours: Mapping[str, Any]) -> None:
    """What `label-by-hand` noted beside the table, if anything, against what draws the run's pictures (`drawn_by`).

    Raises:
        ConfigError: the labels are of other pictures.
    """
    notes = path.with_name(path.name + NOTES)
    if not notes.exists():
        return
    try:
        noted = dict(json.loads(notes.read_bytes())["of"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("labels=%s: %s does not say what they are of (%r); taken as this run's", path, notes, error)
        return
    if other := differences(noted, ours):
        raise ConfigError(
            f"--labels {path}: they are of other pictures than --run draws: {other} ({notes.name} says so); name the "
            "run that was labelled"
        )
