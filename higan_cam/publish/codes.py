"""Shards of codes: what inversion made of each picture of a run's listing, the code and how good it is.

A row for every picture, also where there is no code: `status` and `reason` say why.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from higan_cam.errors import StoreError
from higan_cam.types import PictureCode

FIGURES = {
    "psnr": "dB between the picture, in the generator's square, and its reconstruction",
    "feature_distance": "how far the scorer's features of both lie apart, as a share of the picture's own size",
    "score_picture": "the scorer's raw value of the picture, in the generator's square",
    "score_reconstruction": "the scorer's raw value of the reconstruction",
    "code_distance": "root mean square of the code in standard deviations from the mean code; a sample has about 1",
    "row_spread": "mean square difference of the code's rows from their mean, likewise; a sample has 0",
    "best_step": "the update whose code was kept",
    "steps": "updates made",
}
"""{figure of an inversion: meaning}; float32, null where it is not known."""
PUBLISHED_FIGURES = ("psnr", "feature_distance", "code_distance", "row_spread", "steps")
"""Those that the dataset has as well; scores stand there on their final scale."""
_SCHEMA = pa.schema(
    [
        ("index", pa.int64()),
        ("key", pa.string()),
        ("bytes", pa.int64()),
        ("etag", pa.string()),
        ("offset", pa.int64()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("notes", pa.list_(pa.string())),
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("place", pa.list_(pa.float64())),
        ("camera", pa.list_(pa.float32())),
        ("code_shape", pa.list_(pa.int32())),
        ("w_plus", pa.list_(pa.float32())),
        *((name, pa.float32()) for name in FIGURES),
    ]
)


def encode_codes(rows: Sequence[PictureCode]) -> bytes:
    """Rows -> Parquet; the same rows give the same bytes on the same versions. Code (L,D) row by row in `w_plus`."""
    table = pa.Table.from_pylist([_row(row) for row in rows], schema=_SCHEMA)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd", use_dictionary=["status"])
    return sink.getvalue()


def decode_codes(body: bytes) -> tuple[PictureCode, ...]:
    """A shard of `encode_codes` -> its rows. StoreError: it is not one, or cut off."""
    try:
        table = pq.read_table(pa.BufferReader(body), schema=_SCHEMA)
        return tuple(_code(row) for row in table.to_pylist())
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as error:
        raise StoreError(
            f"not a shard of codes ({type(error).__name__}); run the inversion again to re-make it"
        ) from error


def _row(row: PictureCode) -> dict[str, Any]:
    figures = {name: row.figures.get(name) for name in FIGURES}
    return {
        "index": row.index,
        "key": row.key,
        "bytes": row.bytes,
        "etag": row.etag,
        "offset": row.offset,
        "status": row.status,
        "reason": row.reason,
        "notes": list(row.notes),
        "height": row.size[0],
        "width": row.size[1],
        "place": list(row.place),
        "camera": list(row.camera),
        "code_shape": list(row.w_plus.shape),
        "w_plus": row.w_plus.astype(np.float32).ravel(),
        **{name: value if value is not None and np.isfinite(value) else None for name, value in figures.items()},
    }


def _code(row: dict[str, Any]) -> PictureCode:
    return PictureCode(
        index=row["index"],
        key=row["key"],
        bytes=row["bytes"],
        etag=row["etag"],
        offset=row["offset"],
        status=row["status"],
        reason=row["reason"],
        notes=tuple(row["notes"]),
        size=(row["height"], row["width"]),
        place=tuple(row["place"]),
        camera=tuple(row["camera"]),
        w_plus=np.asarray(row["w_plus"], np.float32).reshape(row["code_shape"]),
        figures={name: row[name] for name in FIGURES if row[name] is not None},
    )
