"""Look at a run: the best, the worst and random samples that a filter lets through, drawn on one contact sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from higan_cam.errors import DataError, unknown_name
from higan_cam.publish.curation.filter import matching
from higan_cam.publish.curation.selection import load_selection
from higan_cam.publish.curation.table import SampleTable, read_samples
from higan_cam.publish.images import decode_heat, decode_image
from higan_cam.publish.reading import read_shard, shard_errors
from higan_cam.publish.report.format import format_number, format_percent
from higan_cam.publish.sheets.contact_sheet import Section, Tile, draw_sheet
from higan_cam.store.keys import shard_stem
from higan_cam.store.store import Store
from higan_cam.types import FloatArray, IntArray

_PICTURES = ("id", "text", "reason", "image", "negative", "heat", "conditioning_image")
_SAID_WHEN_EMPTY = ("score_change", "retention", "necessity", "coverage")


@dataclass(frozen=True, eq=False)
class Inspection:
    """What was drawn.

    Attributes:
        sheet: PNG.
        samples, matching: how many the run has, and how many the filter lets through.
        without: how many of those lack the figure that they are sorted by; they are drawn at random only.
        best, worst, random: (k,) sample indices, in the order drawn.
    """

    sheet: bytes
    samples: int
    matching: int
    without: int
    best: IntArray
    worst: IntArray
    random: IntArray


def inspect_run(
    store: Store, *, where: str = "", sort: str = "retention", count: int = 4, seed: int = 0, selection: str = ""
) -> Inspection:
    """Choose samples and draw them.

    Args:
        store: output directory of a run.
        where: filter (see `sample_filter`), "" for all samples.
        sort: figure whose highest values are best.
        count: samples of each of the three kinds; none is drawn twice.
        seed: of the random ones.
        selection: name of a selection whose kept samples alone are looked at, "" for all.

    Raises:
        ConfigError: filter, figure or selection that does not exist or cannot be read.
        DataError: nothing is committed yet, or no sample passes.
        StoreError: not a run, or it cannot be read.
    """
    table = read_samples(store)
    figures = [name for name, values in table.columns.items() if values.dtype.kind != "U"]
    if sort not in figures:
        raise unknown_name("--sort: figure", sort, figures)
    passing = np.ones(len(table), np.bool_) if not where else matching(where, table.columns)
    if selection:
        passing &= load_selection(store, selection).keeps(table.columns["index"])
    rows = np.flatnonzero(passing)
    if not len(rows):
        raise DataError(_nothing_passes(table, where, selection))
    best, worst, chance = choose(rows, table.columns[sort], count, seed)
    tiles = dict(zip([*best, *worst, *chance], _tiles(store, table, [*best, *worst, *chance]), strict=True))
    without = int(np.isnan(table.columns[sort][rows].astype(np.float64)).sum())
    kinds = {
        f"Best: highest {_plain(sort)}": best,
        f"Worst: lowest {_plain(sort)}": worst,
        f"Random, seed {seed}": chance,
    }
    sections = [
        Section(title, tuple(tiles[row] for row in chosen), "no further sample") for title, chosen in kinds.items()
    ]
    notes = [store.uri, _note(len(rows), len(table), where, selection, without, sort)]
    sheet = draw_sheet(f"{table.run['config']['attribute'].replace('_', ' ')}: samples", notes, sections)
    index = table.columns["index"]
    return Inspection(sheet, len(table), len(rows), without, index[best], index[worst], index[chance])


def choose(rows: IntArray, figure: FloatArray, count: int, seed: int) -> tuple[IntArray, IntArray, IntArray]:
    """Rows to draw as best (highest first), worst (lowest first) and at random (in order), each at most once.

    Ties go to the lower row. Rows without the figure (NaN) are neither best nor worst. Where there are too few for
    all, the best come first and the worst second.
    """
    values = figure[rows].astype(np.float64)
    known = rows[~np.isnan(values)]
    order = known[np.argsort(-figure[known].astype(np.float64), kind="stable")]
    best = order[:count]
    worst = known[np.argsort(figure[known], kind="stable")]
    worst = worst[~np.isin(worst, best)][:count]
    rest = rows[~np.isin(rows, np.concatenate([best, worst]))]
    generator = np.random.Generator(np.random.Philox(key=seed))
    return best, worst, np.sort(generator.choice(rest, min(count, len(rest)), replace=False))


def _tiles(store: Store, table: SampleTable, rows: Sequence[int]) -> list[Tile]:
    """The tiles of these rows in order; each shard is fetched once."""
    tiles: dict[int, Tile] = {}
    for shard in sorted({int(table.shard[row]) for row in rows}):
        wanted = [row for row in rows if table.shard[row] == shard]
        record = table.records[shard]
        read = read_shard(store, record, _PICTURES).take([int(table.row[row]) for row in wanted]).to_pylist()
        file = shard_stem(record.path)
        with shard_errors(store, record):
            for row, values in zip(wanted, read, strict=True):
                tiles[row] = _tile(values, {name: column[row] for name, column in table.columns.items()}, file)
    return [tiles[row] for row in rows]


def _tile(values: Mapping[str, Any], figures: Mapping[str, Any], file: str) -> Tile:
    number = {name: format_number(_known(figures[name])) for name in ("retention", "necessity", "score_change")}
    scores = " to ".join(format_number(_known(figures[name])) for name in ("score_negative", "score_positive"))
    regions = int(figures["regions"])
    return Tile(
        heading=f"{values['id']}   {file}",
        strong=decode_image(values["image"]["bytes"]),
        weak=decode_image(values["negative"]["bytes"]),
        heat=decode_heat(values["heat"]["bytes"]),
        mask=decode_image(values["conditioning_image"]["bytes"]),
        lines=(
            f"score change {number['score_change']} ({scores})   retention {number['retention']}",
            f"necessity {number['necessity']}   coverage {format_percent(_known(figures['coverage']))}   "
            f"{regions} region{'' if regions == 1 else 's'}",
            values["text"] if regions else f"{values['text']} (no region: {values['reason']})",
        ),
    )


def _known(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def _note(found: int, samples: int, where: str, selection: str, without: int, sort: str) -> str:
    limits = [f"where {where}"] if where else []
    limits += [f"kept by selection {selection}"] if selection else []
    note = f"{found:,} of {samples:,} samples {' and '.join(limits) or '(no filter)'}"
    return f"{note}; {without:,} without {_plain(sort)}" if without else note


def _nothing_passes(table: SampleTable, where: str, selection: str) -> str:
    """What to loosen: the ranges of the figures that are most often limited."""
    asked = " and ".join(
        part for part in (where and f"--where {where!r}", selection and f"--selection {selection}") if part
    )
    ranges = []
    for name in _SAID_WHEN_EMPTY:
        known = table.columns[name][~np.isnan(table.columns[name])]
        if len(known):
            ranges.append(f"{name} {known.min():.3g} to {known.max():.3g}")
    return f"none of {len(table)} samples passes {asked}; here are {', '.join(ranges)}"


def _plain(name: str) -> str:
    return name.replace("_", " ")
