"""WebDataset: one tar per shard, the files of a sample side by side under its key."""

from __future__ import annotations

import glob
import io
import tarfile
from collections.abc import Iterator, Mapping
from typing import Any

from higan_cam.publish.card import column_kind
from higan_cam.publish.dataset import COLUMNS
from higan_cam.publish.exports.formats import Encoded, Format, image_bytes
from higan_cam.publish.exports.source import Rows, SourceShard
from higan_cam.publish.pasting import load_with_datasets
from higan_cam.store.canonical import canonical_json

_GLOB = "data/{split}-*.tar"
_IMAGES = {
    "png": "image",
    "original.png": "original",
    "negative.png": "negative",
    "mask.png": "conditioning_image",
    "heat.png": "heat",
}
_JSON = (
    *("index", "seed", "prompt", "prompt_before", "edit_prompt", "undo_prompt", "captions"),
    *("score", "score_negative", "score_positive", "retention", "necessity", "coverage", "status", "reason", "regions"),
)


def webdataset(config: Mapping[str, Any]) -> Format:
    """`KEY.png` and `KEY.txt` for those who want a picture with its caption; the rest of the sample beside them."""
    del config
    return Format(
        columns=("id", "text", *_IMAGES.values(), *_JSON),
        encode=_encode,
        contents={
            **{f"KEY.{extension}": COLUMNS[column][1] for extension, column in _IMAGES.items()},
            "KEY.txt": COLUMNS["text"][1],
            "KEY.json": f"the columns {', '.join(_JSON)}",
        },
        load=_load,
        glob=_GLOB,
        # The loader would infer the types from the first five samples, where a number may be null.
        features={
            **dict.fromkeys(_IMAGES, "image"),
            "txt": "string",
            "json": {name: column_kind(name) for name in _JSON},
            "__key__": "string",
            "__url__": "string",
        },
    )


def _encode(rows: Rows, shard: SourceShard) -> Encoded:
    return Encoded(_tar(rows, f"data/{shard.split}-{shard.number:05d}.tar"))


def _tar(rows: Rows, key: str) -> Iterator[tuple[str, bytes]]:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for row in rows(("id", "text", *_IMAGES.values(), *_JSON)):
            _add_sample(tar, row)
    yield key, sink.getvalue()


def _add_sample(tar: tarfile.TarFile, row: Mapping[str, Any]) -> None:
    key = str(row["id"])
    if "." in key:
        raise ValueError(f"the key of a sample ends at its first dot, and the id {key!r} has one")
    for extension, column in _IMAGES.items():
        _add(tar, f"{key}.{extension}", image_bytes(row[column]))
    _add(tar, f"{key}.txt", str(row["text"]).encode())
    _add(tar, f"{key}.json", canonical_json({name: row[name] for name in _JSON}))


def _add(tar: tarfile.TarFile, name: str, body: bytes) -> None:
    """A plain file without clock, owner or name of one."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(body), 0o644
    tar.addfile(info, io.BytesIO(body))


def _load(uri: str, splits: tuple[str, ...]) -> str:
    if "://" in uri or set(uri) & set("?#"):  # webdataset reads a path as a URL, which ends there
        return load_with_datasets("webdataset", _GLOB)(uri, splits)
    files = f"{glob.escape(uri)}/{_GLOB.format(split=splits[0] if splits else 'train')}"
    return f"webdataset.WebDataset(sorted(glob.glob({files!r})), shardshuffle=False).decode('pil')"
