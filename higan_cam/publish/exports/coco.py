"""COCO instances: one annotation per region, as run-length encoding, over the positive pictures.

Ids are contiguous from 1 within a split's file. A shard does not know how many annotations come before its own, so it
leaves them in the export's record, and the split's file is put together from there at the end.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from higan_cam.publish.dataset import COLUMNS
from higan_cam.publish.exports.folders import png_size
from higan_cam.publish.exports.formats import Encoded, Format, image_bytes
from higan_cam.publish.exports.record import ExportedShard
from higan_cam.publish.exports.source import Rows, SourceShard

_REGION = ("rank", "mean_heat", "importance")
"""What an annotation carries of its region beyond COCO's own fields."""


def coco(config: Mapping[str, Any]) -> Format:
    """images/SPLIT/SHARD/ID.png and annotations/instances_SPLIT.json, with one category: the run's attribute."""
    attribute = str(config["attribute"])

    def finish(split: str, shards: Callable[[], Iterable[ExportedShard]]) -> Iterator[tuple[str, bytes]]:
        yield f"annotations/instances_{split}.json", merged(attribute, lambda: (shard.part for shard in shards()))

    return Format(
        columns=("id", "image", "text", "regions"),
        encode=_encode,
        finish=finish,
        contents={
            "images/SPLIT/SHARD/ID.png": COLUMNS["image"][1],
            "annotations/instances_SPLIT.json": f"one annotation per region of category 1, `{attribute}`; RLE",
        },
        load=_load,
    )


def merged(attribute: str, parts: Callable[[], Iterable[Mapping[str, Any]]]) -> bytes:
    """The instances file over the parts of a split's shards, in order.

    Reads the parts twice and one at a time; only the file itself is in memory.
    """
    sink = io.BytesIO()
    sink.write(b'{"categories":')
    sink.write(_json([{"id": 1, "name": attribute, "supercategory": "region"}]))
    sink.write(b',"info":{"description":"higan_cam regions"},"licenses":[],"images":[')
    _write_joined(sink, _images(parts()))
    sink.write(b'],"annotations":[')
    _write_joined(sink, _annotations(parts()))
    sink.write(b"]}\n")
    return sink.getvalue()


def _encode(rows: Rows, shard: SourceShard) -> Encoded:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []

    def objects() -> Iterator[tuple[str, bytes]]:
        for place, row in enumerate(rows(("id", "image", "text", "regions"))):
            file_name = f"{shard.number:05d}/{row['id']}.png"
            width, height = png_size(image_bytes(row["image"]))
            images.append({"file_name": file_name, "width": width, "height": height, "caption": row["text"]})
            annotations.extend(_annotation(region, place) for region in row["regions"])
            yield f"images/{shard.split}/{file_name}", image_bytes(row["image"])

    return Encoded(objects(), lambda: {"images": images, "annotations": annotations})


def _annotation(region: Mapping[str, Any], place: int) -> dict[str, Any]:
    """One region; `image_id` is still the picture's place in its shard."""
    return {
        "image_id": place,
        "category_id": 1,
        "iscrowd": 0,
        "area": region["area"],
        "bbox": [float(side) for side in region["bbox"]],
        "segmentation": region["rle"],
        **{name: region[name] for name in _REGION},
    }


def _images(parts: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    images = (image for part in parts for image in part["images"])
    return ({"id": number, **image} for number, image in enumerate(images, 1))


def _annotations(parts: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    number, before = 0, 0
    for part in parts:
        for annotation in part["annotations"]:
            number += 1
            yield {**annotation, "id": number, "image_id": before + 1 + annotation["image_id"]}
        before += len(part["images"])


def _write_joined(sink: io.BytesIO, values: Iterable[Any]) -> None:
    for place, value in enumerate(values):
        sink.write(b",\n" if place else b"\n")
        sink.write(_json(value))


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def _load(uri: str, splits: tuple[str, ...]) -> str:
    split = splits[0] if splits else "train"
    return (
        f"torchvision.datasets.CocoDetection({f'{uri}/images/{split}'!r}, "
        f"{f'{uri}/annotations/instances_{split}.json'!r})"
    )
