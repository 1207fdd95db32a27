"""Score shards: which latent got which score. Latents themselves are re-made from (seed, index)."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from higan_cam.errors import StoreError
from higan_cam.types import FloatArray, IntArray

_SCHEMA = pa.schema([("index", pa.int64()), ("score", pa.float32())])


def encode_scores(indices: IntArray, scores: FloatArray) -> bytes:
    """(N,) latent indices and (N,) scores -> Parquet with columns index int64, score float32; deterministic bytes.

    Raises:
        ValueError: when the two are not one-dimensional and of the same length.
    """
    if indices.ndim != 1 or indices.shape != scores.shape:
        raise ValueError(f"expected two (N,) arrays, got {indices.shape} and {scores.shape}")
    arrays = [pa.array(indices.astype(np.int64)), pa.array(scores.astype(np.float32))]
    sink = io.BytesIO()
    pq.write_table(
        pa.Table.from_arrays(arrays, schema=_SCHEMA),
        sink,
        compression="zstd",
        use_dictionary=False,
        # Consecutive indices shrink to next to nothing; float bytes compress better split by significance.
        column_encoding={"index": "DELTA_BINARY_PACKED", "score": "BYTE_STREAM_SPLIT"},
    )
    return sink.getvalue()


def decode_scores(body: bytes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """A shard of `encode_scores` -> (indices, scores).

    Raises:
        StoreError: when it is not one, or cut off.
    """
    try:
        table = pq.read_table(pa.BufferReader(body))
        indices, scores = table["index"].to_numpy(), table["score"].to_numpy()
    except (pa.ArrowException, OSError, KeyError) as error:
        raise StoreError(
            f"not a score shard ({type(error).__name__}); run the labelling again to re-make it"
        ) from error
    return indices.astype(np.int64, copy=False), scores.astype(np.float32, copy=False)
