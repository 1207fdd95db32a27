"""Parquet datasets with the columns that trainers ask for: ControlNet, inpainting, instruction editing.

Columns are chosen and renamed, pictures are copied byte for byte, row by row. The `huggingface` key of the schema goes
with them, so that trainers see pictures. A shard of the run is one file; one of photographs, whose pairs of lights have
each of them several times, is as many as it takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from higan_cam.publish.card import column_kind
from higan_cam.publish.dataset import COLUMNS, schema_of, write_files
from higan_cam.publish.exports.formats import Encoded, Format
from higan_cam.publish.exports.source import Rows, SourceShard
from higan_cam.publish.pasting import load_with_datasets
from higan_cam.store.keys import SPLITS, shard_path, split_glob

_GLOB = split_glob("{split}")
_LIGHTS = "lights"


def controlnet(config: Mapping[str, Any]) -> Format:
    """What diffusers' ControlNet trainers take by default: image, conditioning_image, text."""
    return _renamed(config, {"image": "image", "conditioning_image": "conditioning_image", "text": "text"})


def inpainting(config: Mapping[str, Any]) -> Format:
    """image, prompt, mask: what stands under the mask is what the prompt asks for."""
    # A black mask asks for nothing to be painted.
    columns = {"image": "image", "prompt": "prompt", "mask": "conditioning_image"}
    return _renamed(config, columns, keeps_empty=False)


def instruct_pix2pix(config: Mapping[str, Any]) -> Format:
    """input_image, edit_prompt, edited_image: the names that diffusers' train_instruct_pix2pix.py takes by default.

    The input is the weak end of the edit, not the unedited picture: that one may have the attribute already. Of a run
    that relights there are besides, for each picture in `lights`, the way to it, the way from the first setting to it,
    and the way back, where there are words for them.
    """
    sources = {"input_image": "negative", "edit_prompt": "edit_prompt", "edited_image": "image"}
    pair = _renamed(config, sources)
    if not config.get("light", {}).get("gains"):
        return pair

    def encode(rows: Rows, shard: SourceShard) -> Encoded:
        written = 0

        def steps() -> Iterator[dict[str, Any]]:
            nonlocal written
            lit = (step for row in rows(("negative", _LIGHTS)) for step in _steps(row["negative"], row[_LIGHTS]))
            for step in chain(_pairs(rows, sources), lit):
                written += 1
                yield step

        return Encoded(_files(config, steps(), sources, shard), rows=lambda: written)

    return replace(pair, columns=(*pair.columns, _LIGHTS), encode=encode)


def _steps(unlit: Any, lights: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows of input_image, edit_prompt, edited_image between pictures that differ by the light of one lamp."""
    first: dict[int, Any] = {}
    for light in lights:
        start = first.setdefault(light["lamp"], light["image"])
        steps = ((unlit, "on_prompt", light["image"]), (start, "edit_prompt", light["image"]))
        for before, words, after in (*steps, (light["image"], "off_prompt", unlit)):
            if light[words]:
                yield {"input_image": before, "edit_prompt": light[words], "edited_image": after}


def _renamed(config: Mapping[str, Any], sources: Mapping[str, str], *, keeps_empty: bool = True) -> Format:
    """The format whose columns are `sources`: {new name: column of the dataset}."""

    def encode(rows: Rows, shard: SourceShard) -> Encoded:
        return Encoded(_files(config, _pairs(rows, sources), sources, shard))

    return Format(
        columns=tuple(dict.fromkeys(sources.values())),
        encode=encode,
        contents={name: COLUMNS[source][1] for name, source in sources.items()},
        load=load_with_datasets("parquet", _GLOB),
        keeps_empty=keeps_empty,
        glob=_GLOB,
        features={name: column_kind(source) for name, source in sources.items()},
    )


def _pairs(rows: Rows, sources: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Each row with the columns of `sources` under their new names."""
    return ({name: row[source] for name, source in sources.items()} for row in rows(tuple(sources.values())))


def _files(
    config: Mapping[str, Any], rows: Iterable[Mapping[str, Any]], sources: Mapping[str, str], shard: SourceShard
) -> Iterator[tuple[str, bytes]]:
    """Keys and bytes of a shard of the target, at its source's place; files after the first have a number besides."""
    # Three known splits: the manifest's paths have been checked.
    split = next(name for name in SPLITS if name == shard.split)
    path = shard_path(split, shard.number, shard.of)
    schema = schema_of({name: COLUMNS[source] for name, source in sources.items()})
    for number, body in enumerate(write_files(rows, schema, int(config["publish"]["row_group"]))):
        # The underscore sorts behind the dot, so that files lie in the order of their rows.
        yield path.replace(".parquet", f"_{number:05d}.parquet") if number else path, body
