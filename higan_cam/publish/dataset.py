"""The dataset's Parquet shards, readable by `datasets`, pandas, DuckDB and trainers alike.

The schema carries the `huggingface` key with the column types (`Image` for pictures), without which trainers see
structs of bytes. It is written by hand so that publishing does not need the `datasets` library. Bytes are
deterministic: no clock, no random name, fixed writer settings.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from higan_cam.publish.codes import FIGURES, PUBLISHED_FIGURES
from higan_cam.publish.samples import sample_row
from higan_cam.types import Sample

IMAGE_COLUMNS = ("image", "original", "negative", "conditioning_image", "heat")
LARGE_ROWS = 4
"""Rows of a row group where pictures have their own size: what a reader must load at least."""
GROUP, FILE = 128 << 20, 256 << 20
"""Bytes of pictures from which on a row group, or a file of `write_files`, is full."""
PHOTO_IMAGES = ("picture", "picture_mask", "picture_image", "picture_negative", "reconstruction")
COLUMNS: dict[str, tuple[Any, str]] = {
    "id": ("string", "name of the sample; no dots"),
    "image": ("image", "positive edit (attribute strong), PNG, RGB"),
    "original": ("image", "the unedited image, PNG, RGB"),
    "negative": ("image", "negative edit (attribute weak), PNG, RGB"),
    "conditioning_image": (
        "image",
        "where the edit happens: PNG, mode L, 0 or 255 (white: edit here), size of `image`",
    ),
    "heat": ("image", "the heat map behind it: 16-bit grey PNG, 65535 is heat 1"),
    "text": ("string", "caption of `image`: one of `captions`, with the place of the most important region"),
    "prompt": ("string", "what `image` shows, without saying where"),
    "prompt_before": ("string", "what `negative` shows, likewise"),
    "edit_prompt": ("string", "instruction that leads from `negative` to `image`"),
    "undo_prompt": ("string", "instruction that leads back"),
    "captions": (["string"], "every caption of `image`"),
    "index": ("int64", "number of the latent code; with `seed` it re-makes the code"),
    "seed": ("int64", "seed of the run"),
    "score": ("float32", "scorer's value of `original`"),
    "score_negative": ("float32", "scorer's value of `negative`"),
    "score_positive": ("float32", "scorer's value of `image`"),
    "retention": ("float32", "share of the score change that the pixels under the mask alone bring; 0 if no change"),
    "necessity": ("float32", "share of the score change lost when the pixels under the mask are taken back; likewise"),
    "retention_random": ("float32", "retention of the same mask moved elsewhere at random: what its area is worth"),
    "necessity_random": ("float32", "necessity of that moved mask"),
    "retention_second": ("float32", "retention by a held-out scorer, `mask.second_scorer`; null without one"),
    "necessity_second": ("float32", "necessity by it; likewise"),
    "coverage": ("float32", "share of the picture under the mask, [0,1]"),
    "distance_negative": ("float32", "code units along the boundary from `original` to `negative`, signed"),
    "distance_positive": ("float32", "code units along the boundary from `original` to `image`, signed"),
    "reached": ("bool", "whether both ends reached the scores that were asked for; true where none were"),
    "status": ("string", "`ok`, or `empty` where no region was found"),
    "reason": ("string", "why it is empty"),
    "image_hash": ("string", "256-bit perceptual hash of `image`, hexadecimal; near duplicates differ in few bits"),
    "regions": (
        {
            "rank": "int32",
            "area": "int64",
            "mean_heat": "float32",
            "max_heat": "float32",
            "importance": "float32",
            "points": "int64",
            "centroid": ["float32"],
            "peak": ["float32"],
            "ellipse": {"major": "float32", "minor": "float32", "angle": "float32"},
            "bbox": ["int32"],
            "rle": {"size": ["int32"], "counts": "string"},
        },
        "the mask's regions by rank: `centroid`, `peak` as (y, x), `bbox` as (x, y, width, height), `rle` in COCO form",
    ),
}
"""{column: (type, meaning)}. A type is a name, a list of one type, or a struct of named types."""
PHOTO_COLUMNS: dict[str, tuple[Any, str]] = {
    "picture": (
        "image",
        "the picture at its own size, PNG, RGB, upright; `original` is what of it fits the generator. Null, as all at "
        "that size, where it has gone since it was inverted",
    ),
    "picture_mask": ("image", "`conditioning_image` at the picture's own size"),
    "picture_image": ("image", "the picture with the change to `image` pasted in; its own bytes outside the feather"),
    "picture_negative": ("image", "the picture with the change to `negative` pasted in; likewise"),
    "reconstruction": ("image", "what the generator draws from the picture's code, PNG, RGB; `image` starts from it"),
    "picture_key": ("string", "name of the picture in the run's listing"),
    "verdict": (
        "string",
        "`ok`, `poor` where the generator cannot draw the picture, `unreadable` where it has gone since; `reason` says "
        "how",
    ),
    "score_reconstruction": ("float32", "scorer's value of `reconstruction`"),
    "student_overlap": (
        "float32",
        "intersection over union of `picture_mask` and the mask of a student that saw the picture alone; null without",
    ),
    "place": (["float64"], "scale, dx, dy: pixel (x, y) of `image` lies at (scale x + dx, scale y + dy) in `picture`"),
    "places": (
        {
            "rank": "int32",
            "x": "float32",
            "y": "float32",
            "left": "float32",
            "top": "float32",
            "width": "float32",
            "height": "float32",
        },
        "the regions in `picture`, as shares of its width and height: centroid (x, y) and box",
    ),
    "picture_regions": (COLUMNS["regions"][0], "`regions` in pixels of `picture`"),
    **{f"invert_{name}": ("float32", FIGURES[name]) for name in PUBLISHED_FIGURES},
}
"""What the rows of a run on pictures have besides."""
LIT_COLUMNS: dict[str, tuple[Any, str]] = {
    "lights": (
        {
            "image": "image",
            "lamp": "int32",
            "rank": "int32",
            "x": "float32",
            "y": "float32",
            "gain": "float32",
            "kelvin": "float32",
            "on_prompt": "string",
            "edit_prompt": "string",
            "off_prompt": "string",
        },
        "`negative` (`picture_negative` in a run on pictures) with the light of that `lamp` alone, which is at "
        "(`x`, `y`) in shares of width and height in the region of that `rank`, `gain` times as bright, of `kelvin`; "
        "`on_prompt` leads from there to `image`, `edit_prompt` from the lamp's first setting (empty for that one), "
        "`off_prompt` back",
    ),
}
"""What the rows of a run that relights have besides."""
_ARROW = {
    "string": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
}
_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def columns_of(*, photos: bool = False, lit: bool = False) -> dict[str, tuple[Any, str]]:
    """{column: (type, meaning)} of the dataset: of a run on pictures with `photos`, of one that relights with `lit`."""
    return COLUMNS | (PHOTO_COLUMNS if photos else {}) | (LIT_COLUMNS if lit else {})


def dataset_schema(*, photos: bool = False, lit: bool = False) -> pa.Schema:
    """The Arrow schema of a shard with these columns, with the `huggingface` metadata."""
    return schema_of(columns_of(photos=photos, lit=lit))


def schema_of(columns: Mapping[str, tuple[Any, str]]) -> pa.Schema:
    """The Arrow schema of {column: (type, meaning)}, with the `huggingface` metadata."""
    fields = [pa.field(name, _arrow_type(kind, name)) for name, (kind, _) in columns.items()]
    features = {name: _feature(kind, name) for name, (kind, _) in columns.items()}
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


def encode_shard(samples: Iterable[Sample], row_group: int = 100, *, photos: bool = False, lit: bool = False) -> bytes:
    """Samples -> one Parquet file. The same samples give the same bytes on the same versions.

    Args:
        samples: the rows, in order; each is encoded before the next is asked for.
        row_group: rows per row group: what a reader must load at least.
        photos: of a run on pictures: every sample has its `photo`, and there may be none, where no file can be read.
        lit: of a run that relights: with the samples' `lights`.

    Raises:
        ValueError: from a sample whose arrays do not fit together.
    """
    rows, schema = map(sample_row, samples), dataset_schema(photos=photos, lit=lit)
    if photos or lit:
        return write_rows(rows, schema, 1 if photos and lit else min(row_group, LARGE_ROWS))
    return write_parquet(pa.Table.from_pylist(list(rows), schema=schema), row_group)


def write_rows(
    rows: Iterable[Mapping[str, Any]],
    schema: pa.Schema,
    row_group: int,
    notes: Callable[[], Mapping[str, str]] | None = None,
) -> bytes:
    """Rows -> Parquet bytes, with one row group of them in memory at a time: a photo is tens of megabytes.

    Args:
        notes: of the file, which no loader of its rows sees; asked once the rows are written.
    """
    sink, remaining = io.BytesIO(), iter(rows)
    with pq.ParquetWriter(sink, schema, **_settings(schema)) as writer:
        while part := list(islice(remaining, row_group)):
            writer.write_table(pa.Table.from_pylist(part, schema=schema))
        if notes is not None:
            writer.add_key_value_metadata(dict(notes()))
    return sink.getvalue()


def write_files(rows: Iterable[Mapping[str, Any]], schema: pa.Schema, row_group: int) -> Iterator[bytes]:
    """Rows -> the bytes of one Parquet file or more, each when it is full: so many rows may be there as there are.

    A row group has `row_group` rows, or fewer where their pictures fill it. Of small pictures the one file that comes
    has the bytes of `write_parquet`.
    """
    groups = _groups(rows, row_group)
    group = next(groups, [])
    while True:
        sink = io.BytesIO()
        with pq.ParquetWriter(sink, schema, **_settings(schema)) as writer:
            while True:
                writer.write_table(pa.Table.from_pylist(group, schema=schema))
                group.clear()  # before the next one is made: photos are large
                group = next(groups, [])
                if not group or sink.tell() >= FILE:
                    break
        yield sink.getvalue()
        if not group:
            return


def _groups(rows: Iterable[Mapping[str, Any]], row_group: int) -> Iterator[list[Mapping[str, Any]]]:
    group: list[Mapping[str, Any]] = []
    size = 0
    for row in rows:
        group.append(row)
        size += sum(len(cell["bytes"] or b"") for cell in row.values() if isinstance(cell, Mapping) and "bytes" in cell)
        if len(group) == row_group or size >= GROUP:
            yield group
            group, size = [], 0
    if group:
        yield group


def write_parquet(table: pa.Table, row_group: int) -> bytes:
    """An Arrow table -> Parquet bytes with the project's writer settings."""
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=row_group, **_settings(table.schema))
    return sink.getvalue()


def _settings(schema: pa.Schema) -> dict[str, Any]:
    # Dictionaries and minima help plain columns; of pictures they would only make copies.
    plain = [field.name for field in schema if not pa.types.is_nested(field.type)]
    return {"compression": "zstd", "use_dictionary": plain, "write_statistics": plain}


def _arrow_type(kind: Any, name: str = "") -> pa.DataType:
    if kind == "image":
        return _IMAGE
    if isinstance(kind, dict):
        struct = pa.struct([(key, _arrow_type(value)) for key, value in kind.items()])
        return pa.list_(struct) if name else struct
    return pa.list_(_arrow_type(kind[0])) if isinstance(kind, list) else _ARROW[kind]


def _feature(kind: Any, name: str = "") -> Any:
    """The same type in the spelling of `datasets`; understood by its versions 2 to 5."""
    if kind == "image":
        return {"_type": "Image"}
    if isinstance(kind, dict):
        struct = {key: _feature(value) for key, value in kind.items()}
        return [struct] if name else struct
    if isinstance(kind, list):
        return {"feature": _feature(kind[0]), "_type": "Sequence"}
    return {"dtype": kind, "_type": "Value"}
