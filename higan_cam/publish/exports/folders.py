"""Folders of plain pictures: `imagefolder` (metadata.jsonl beside the pictures) and `kohya` (masked loss)."""

from __future__ import annotations

import json
import shlex
import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from higan_cam.publish.dataset import COLUMNS
from higan_cam.publish.exports.formats import Encoded, Format, image_bytes
from higan_cam.publish.exports.record import ExportedShard
from higan_cam.publish.exports.source import Rows, SourceShard
from higan_cam.publish.pasting import load_with_datasets

_IMAGES = {
    "file_name": "image",
    "conditioning_image_file_name": "conditioning_image",
    "original_file_name": "original",
    "negative_file_name": "negative",
}
# Not the figures that may be null: the loader takes the types from the first lines.
_FIELDS = ("id", "text", "prompt", "edit_prompt", "index", "seed", "score_negative", "score_positive", "coverage")
_GLOB = "{split}/**"
_BUCKETS = """# Pictures of several sizes: each goes to the bucket of its own shape, and none is enlarged.
enable_bucket = true
bucket_no_upscale = true
"""


def imagefolder(config: Mapping[str, Any]) -> Format:
    """SPLIT/SHARD/ with the pictures and a metadata.jsonl; `X_file_name` becomes the picture column X when loaded."""
    del config
    pictures = {name.removesuffix("file_name").rstrip("_") or "image": column for name, column in _IMAGES.items()}
    return Format(
        columns=(*_IMAGES.values(), *_FIELDS),
        encode=_encode_imagefolder,
        contents={name: COLUMNS[column][1] for name, column in [*pictures.items(), *((f, f) for f in _FIELDS)]},
        load=load_with_datasets("imagefolder", _GLOB, streamed=True),
        glob=_GLOB,
    )


def kohya(config: Mapping[str, Any]) -> Format:
    """SPLIT/images/ID.png with its caption ID.txt, the mask of the same name in SPLIT/masks, and dataset.toml.

    As the masked loss of sd-scripts reads them (docs/masked_loss_README): masks in `conditioning_data_dir`, of the
    image's name and size, white where the loss counts. Its folders are flat, so all shards of a split share them.
    """
    del config
    return Format(
        columns=("id", "image", "conditioning_image", "text"),
        encode=_encode_kohya,
        finish=_finish_kohya,
        contents={
            "SPLIT/images/ID.png": COLUMNS["image"][1],
            "SPLIT/images/ID.txt": COLUMNS["text"][1],
            "SPLIT/masks/ID.png": f"{COLUMNS['conditioning_image'][1]}; the loss counts where it is white",
            "dataset.toml": "dataset_config for the train split; its paths are relative to this folder",
        },
        load=_load_kohya,
        keeps_empty=False,  # a black mask leaves no loss at all
    )


def _encode_imagefolder(rows: Rows, shard: SourceShard) -> Encoded:
    return Encoded(_with_metadata(rows, f"{shard.split}/{shard.number:05d}"))


def _with_metadata(rows: Rows, folder: str) -> Iterator[tuple[str, bytes]]:
    lines = []
    for row in rows((*_IMAGES.values(), *_FIELDS)):
        names = {
            name: f"{row['id']}{'' if column == 'image' else f'-{column}'}.png" for name, column in _IMAGES.items()
        }
        yield from ((f"{folder}/{names[name]}", image_bytes(row[column])) for name, column in _IMAGES.items())
        lines.append(json.dumps({**names, **{field: row[field] for field in _FIELDS}}, ensure_ascii=False) + "\n")
    if lines:
        yield f"{folder}/metadata.jsonl", "".join(lines).encode()


def _encode_kohya(rows: Rows, shard: SourceShard) -> Encoded:
    sizes: set[tuple[int, int]] = set()

    def objects() -> Iterator[tuple[str, bytes]]:
        for row in rows(("id", "image", "conditioning_image", "text")):
            sizes.add(png_size(image_bytes(row["image"])))
            yield f"{shard.split}/images/{row['id']}.png", image_bytes(row["image"])
            yield f"{shard.split}/images/{row['id']}.txt", f"{row['text']}\n".encode()
            yield f"{shard.split}/masks/{row['id']}.png", image_bytes(row["conditioning_image"])

    return Encoded(objects(), lambda: {"size": _largest(sizes), **({"mixed": True} if len(sizes) > 1 else {})})


def _finish_kohya(split: str, shards: Callable[[], Iterable[ExportedShard]]) -> Iterator[tuple[str, bytes]]:
    if split != "train":
        return
    parts = [shard.part for shard in shards() if shard.part["size"]]
    sizes = {(part["size"][0], part["size"][1]) for part in parts}
    if not sizes:
        return
    size = _largest(sizes)
    mixed = len(sizes) > 1 or any(part.get("mixed") for part in parts)
    text = f"""[general]
caption_extension = ".txt"

[[datasets]]
resolution = [{size[0]}, {size[1]}]
batch_size = 1
{_BUCKETS if mixed else ""}
  [[datasets.subsets]]
  image_dir = "train/images"
  conditioning_data_dir = "train/masks"
  num_repeats = 1
"""
    yield "dataset.toml", text.encode()


def _largest(sizes: Collection[tuple[int, int]]) -> list[int]:
    """Width and height of the largest by area; [] of none."""
    return list(max(sizes, key=lambda size: (size[0] * size[1], size), default=()))


def _load_kohya(uri: str, splits: tuple[str, ...]) -> str:
    """A shell line: the paths in dataset.toml are relative to the target, the script is in a folder of its own.

    What only the user knows are two variables; the shell names the one that is not set, and starts nothing.
    """
    del splits
    script = '"${SD_SCRIPTS:?is not set: the folder of sd-scripts}/train_network.py"'
    model = '"${MODEL:?is not set: the checkpoint to train on}"'
    return (
        f"{_enter(uri)} && accelerate launch {script} --pretrained_model_name_or_path {model} "
        '--network_module networks.lora --dataset_config dataset.toml --masked_loss --output_dir "$OLDPWD/lora"'
    )


def _enter(uri: str) -> str:
    """Shell that goes to the target, or fetches it first: sd-scripts reads folders only."""
    place = shlex.quote(uri)
    if "://" not in uri:
        return f"cd {place}"
    if uri.startswith("gs://"):
        return f"mkdir kohya && gcloud storage rsync --recursive {place} kohya && cd kohya"
    return f"aws s3 cp --recursive {place} kohya && cd kohya"


def png_size(body: bytes) -> tuple[int, int]:
    """(width, height) from the header of a PNG."""
    width, height = struct.unpack(">II", body[16:24])
    return width, height
