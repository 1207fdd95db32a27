"""The loop of an export: one source shard at a time, its objects first, its entry in the record second.

So a rerun of the same command does only what is missing, and memory holds one shard, whatever the size of the run; of
photographs, whose shards are large, a row and a file that is being written.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from higan_cam.errors import ConfigError, DataError, unknown_name
from higan_cam.publish.curation.selection import Selection, load_selection
from higan_cam.publish.exports.card import ExportFacts, render_export_card
from higan_cam.publish.exports.coco import coco
from higan_cam.publish.exports.folders import imagefolder, kohya
from higan_cam.publish.exports.formats import Format
from higan_cam.publish.exports.parquet import controlnet, inpainting, instruct_pix2pix
from higan_cam.publish.exports.record import ExportedShard, ExportRecord, claim
from higan_cam.publish.exports.source import Rows, Source, SourceShard, open_source
from higan_cam.publish.exports.webdataset import webdataset
from higan_cam.publish.reading import OpenShard, open_shard
from higan_cam.store.keys import CARD_KEY, SPLITS
from higan_cam.store.store import Store
from higan_cam.types import BoolArray

EXPORTS: dict[str, Callable[[Mapping[str, Any]], Format]] = {
    "controlnet": controlnet,
    "inpainting": inpainting,
    "instruct-pix2pix": instruct_pix2pix,
    "webdataset": webdataset,
    "imagefolder": imagefolder,
    "kohya": kohya,
    "coco": coco,
}
"""{name: factory of the format, from a run's configuration}."""
OWN_SIZE = {
    "image": "picture_image",
    "original": "picture",
    "negative": "picture_negative",
    "conditioning_image": "picture_mask",
    "regions": "picture_regions",
}
"""Column of the generator's square -> the same of a picture at its own size."""
WRITERS, WAITING = 8, 64 << 20
"""Objects written at once, and their bytes: small ones wait for the disk or the network, not for the processor."""
_NAMED = 12
_HERE = "path/to/this/folder"
"""In the card, whose bytes do not depend on where it lies."""
Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Exported:
    """What an export left.

    Attributes:
        samples: {split: samples} in the target; pairs, where a sample gives several.
        empty: samples left out because they have no mask.
        unselected: samples with a mask that the selection leaves out.
        made, found: shards written by this call, and by an earlier one.
        missing: planned shards that the source does not have.
        load: one line that loads it.
    """

    samples: dict[str, int]
    empty: int
    unselected: int
    made: int
    found: int
    missing: tuple[int, ...]
    load: str


def export_run(
    source: Store,
    target: Store,
    name: str,
    *,
    selection: str | None = None,
    keep_empty: bool = False,
    allow_unfinished: bool = False,
    pictures: bool = False,
    progress: Tell | None = None,
) -> Exported:
    """Write a run's dataset in another format. The same call goes on after any interruption.

    Args:
        source: output directory of the run; it is only read.
        target: an empty place, or one with the same export.
        name: of the format, a key of `EXPORTS`.
        selection: name of a selection of the run (see `curation`); others are left out.
        keep_empty: keep samples without a mask, which are otherwise left out and counted.
        allow_unfinished: export the shards that are there; the same call adds others later.
        pictures: of a run on pictures: these and their masks and edits at their own size, in place of the generator's.
        progress: called with (shards done, shards there are) after each shard.

    Raises:
        ConfigError: unknown format or selection, a format that cannot keep empty samples, a target inside the source.
        DataError: the run is not finished, or there is nothing to export.
        RunMismatchError: the target holds another export.
        StoreError: the target holds something else, or either place fails.
    """
    make = EXPORTS.get(name.replace("_", "-"))
    if make is None:
        raise unknown_name("export format", name, EXPORTS)
    if f"{target.uri}/".startswith(f"{source.uri}/"):
        raise ConfigError(f"target {target.uri} lies in the run itself; choose a place outside {source.uri}")
    run = open_source(source)
    # Lights of pictures are at the pictures' own size, and go with nothing else.
    lit = pictures or run.config.get("source", {}).get("kind") != "pictures"
    chosen = make(run.config if lit else {**run.config, "light": {}})
    if keep_empty and not chosen.keeps_empty:
        raise ConfigError(f"--keep-empty: nothing can be learnt from a black mask with {name}; leave it out")
    _check_finished(run, allow_unfinished=allow_unfinished)
    if pictures:
        _check_pictures(run, chosen, name)
    picked = None if selection is None else load_selection(source, selection)
    job = _Export(run, target, chosen, name.replace("_", "-"), picked, keep_empty, pictures)
    claim(target, job.identity())
    return job.carry_out(progress)


@dataclass(frozen=True)
class _Export:
    source: Source
    target: Store
    format: Format
    name: str
    selection: Selection | None
    keep_empty: bool
    pictures: bool = False

    def identity(self) -> dict[str, Any]:
        """What decides the target's bytes. No clock and no place: a copied export goes on where it lies."""
        run = self.source.run
        picked = {"name": self.selection.name, "sha256": self.selection.sha256} if self.selection else None
        return {
            "format": self.name,
            "keep_empty": self.keep_empty,
            "selection": picked,
            **({"pictures": True} if self.pictures else {}),
            "run": {key: run[key] for key in ("config_hash", "weights") if key in run},
        }

    def carry_out(self, progress: Tell | None) -> Exported:
        export_record = ExportRecord(self.target)
        samples: Counter[str] = Counter()
        sizes: Counter[str] = Counter()
        left_out: Counter[str] = Counter()
        shards, made = self.source.shards, 0
        with ThreadPoolExecutor(WRITERS) as writers:
            for done, shard in enumerate(shards, 1):
                exported = export_record.done(shard.record.shard, shard.record.sha256)
                if exported is None:
                    exported, made = self._write(shard, export_record, writers), made + 1
                samples[shard.split] += exported.samples
                sizes[shard.split] += sum(exported.objects.values())
                left_out.update(empty=exported.empty, unselected=exported.unselected)
                if progress is not None:
                    progress(done, len(shards))
        present: dict[str, int] = {split: samples[split] for split in SPLITS if samples[split]}
        self._finish(export_record, present, sizes, left_out)
        load = self.format.load(self.target.uri, tuple(present))
        return Exported(
            samples=present,
            empty=left_out["empty"],
            unselected=left_out["unselected"],
            made=made,
            found=len(shards) - made,
            missing=self.source.missing,
            load=load,
        )

    def _write(self, shard: SourceShard, export_record: ExportRecord, writers: ThreadPoolExecutor) -> ExportedShard:
        with open_shard(self.source.store, shard.record) as opened:
            kept, empty, unselected = self._sift(opened)
            encoded = self.format.encode(Rows(opened, kept, OWN_SIZE if self.pictures else {}), shard)
            objects = self._put(encoded.objects, writers)
        exported = ExportedShard(
            shard=shard.record.shard,
            source_sha256=shard.record.sha256,
            split=shard.split,
            samples=int(kept.sum()) if encoded.rows is None else encoded.rows(),
            empty=empty,
            unselected=unselected,
            objects=objects,
            part=encoded.part(),
        )
        export_record.write(exported)
        return exported

    def _put(self, objects: Iterable[tuple[str, bytes]], writers: ThreadPoolExecutor) -> dict[str, int]:
        """{key: bytes} of what was written, several at once as long as few bytes wait."""
        sizes, waiting = dict[str, int](), deque[tuple[Future[None], int]]()
        for key, body in objects:
            sizes[key] = len(body)
            waiting.append((writers.submit(self.target.put, key, body), len(body)))
            del body  # the next one is made while this name would hold it
            while len(waiting) > WRITERS or sum(size for _, size in waiting) > WAITING:
                waiting.popleft()[0].result()
        for written, _ in waiting:
            written.result()
        return sizes

    def _sift(self, shard: OpenShard) -> tuple[BoolArray, int, int]:
        """(N,) which rows to write, and how many are left out as empty and as not selected."""
        rows = shard.table(("index", "status", *(("verdict",) if self.pictures else ())))
        shown = np.full(rows.num_rows, True) if self.keep_empty else rows["status"].to_numpy() == "ok"
        if self.pictures:
            # A picture that has gone since it was inverted is nowhere at its own size, and has no mask.
            shown &= rows["verdict"].to_numpy() != "unreadable"
        kept = shown if self.selection is None else shown & self.selection.keeps(rows["index"].to_numpy())
        return kept, int((~shown).sum()), int((shown & ~kept).sum())

    def _finish(
        self,
        export_record: ExportRecord,
        samples: Mapping[str, int],
        sizes: Mapping[str, int],
        left_out: Mapping[str, int],
    ) -> None:
        for split in samples:
            for key, body in self.format.finish(split, partial(self._exported, export_record, split)):
                _put_if_other(self.target, key, body)
        facts = ExportFacts(
            name=self.name,
            samples=samples,
            sizes=sizes,
            empty=left_out["empty"],
            unselected=left_out["unselected"],
            selection=self.selection.name if self.selection else "",
            missing=len(self.source.missing),
            contents=self.format.contents,
            glob=self.format.glob,
            features=self.format.features,
            load=self.format.load(_HERE, tuple(samples)),
            run=self.source.run,
            source_card=self.source.card,
            expected=self.selection.expected if self.selection else (),
        )
        _put_if_other(self.target, CARD_KEY, render_export_card(facts).encode())

    def _exported(self, export_record: ExportRecord, split: str) -> Iterable[ExportedShard]:
        return export_record.read_all(shard.record.shard for shard in self.source.shards if shard.split == split)


def _check_pictures(run: Source, chosen: Format, name: str) -> None:
    """ConfigError: a run on latents, or a format of what only the generator's square has."""
    if run.config.get("source", {}).get("kind") != "pictures":
        raise ConfigError(f"--pictures: {run.store.uri} is a run on latents, which has no pictures of its own")
    if "heat" in chosen.columns:
        raise ConfigError(f"--pictures: {name} has heat, which lies in the generator's square; leave it out")


def _put_if_other(target: Store, key: str, body: bytes) -> None:
    """Leave an object alone that is already right: a rerun of a finished export writes nothing."""
    if target.find(key) != body:
        target.put(key, body)


def _check_finished(source: Source, *, allow_unfinished: bool) -> None:
    if not source.shards:
        raise DataError(f"{source.store.uri}: no shard of the dataset is there yet; `higan-cam run` makes them")
    if not source.missing or allow_unfinished:
        return
    planned = len(source.shards) + len(source.missing)
    named = ", ".join(str(shard) for shard in source.missing[:_NAMED])
    more = f" and {len(source.missing) - _NAMED} more" if len(source.missing) > _NAMED else ""
    given_up = f", of which quarantined: {', '.join(map(str, source.given_up))}" if source.given_up else ""
    raise DataError(
        f"{source.store.uri}: the run is not finished: {len(source.missing)} of {planned} data shards are missing "
        f"({named}{more}{given_up}). Its own `higan-cam run` command makes them; --allow-unfinished exports the others "
        "now, and the same command adds the rest later."
    )
