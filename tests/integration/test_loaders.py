"""Every export, read by the library it is for: pixels and words are those of the run, from a folder and from S3.

The run is made of made-up samples (tests/publish/exports/runs.py), two of fourteen without a mask: what is tested is
the way from a committed shard to the consumer.
"""

from __future__ import annotations

import gc
import io
import json
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision.datasets
from PIL import Image
from pycocotools.coco import COCO

from higan_cam.publish.exports import Exported, export_run
from higan_cam.store.store import Store, open_store
from higan_cam.types import Sample
from tests.publish.exports.runs import COUNT, EMPTY, SIZE, sample_with_regions, write_run

datasets = pytest.importorskip("datasets", reason="the datasets library is a development extra")
webdataset = pytest.importorskip("webdataset", reason="webdataset is a development extra")

KEPT = [index for index in range(COUNT) if index not in EMPTY]
SPLITS = ["train", "validation", "test"]
left_open = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
"""webdataset leaves its files to the garbage collector."""


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    datasets.disable_progress_bars()


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The run in a folder. Read only."""
    store = open_store(tmp_path_factory.mktemp("loaders") / "run")
    write_run(store)
    return store


def export(run: Store, folder: Path, name: str) -> Exported:
    return export_run(run, open_store(folder / name), name)


def check_picture(picture: Any, expected: Any) -> None:
    assert np.array_equal(np.asarray(picture), expected)


def check_mask(picture: Any, sample: Sample) -> None:
    """One channel, the image's size, 0 and 255 only, white where the edit happens, not a pixel lost."""
    assert (picture.mode, picture.size) == ("L", (SIZE, SIZE))
    assert set(np.unique(np.asarray(picture))) == {0, 255}
    check_picture(picture, sample.mask)


def rows_of(loaded: Any) -> Iterator[Any]:
    assert list(loaded) == SPLITS
    return (row for split in loaded.values() for row in split)


def samples() -> Iterator[Sample]:
    """Those with a mask, in the order of `rows_of`: shard 1 is for validation, shard 3 for testing."""
    shards = [0, 2, 4, 1, 3]
    return (sample_with_regions(index) for shard in shards for index in KEPT if index // 3 == shard)


def check_pictures_alone_are_called_mask(features: Any) -> None:
    """A diffusers trainer takes any column with `mask` in its name for a picture."""
    assert all(isinstance(kind, datasets.Image) for name, kind in features.items() if "mask" in name)


@pytest.mark.parametrize("streaming", [False, True])
def test_the_run_itself_loads_with_every_split(run: Store, *, streaming: bool) -> None:
    loaded = datasets.load_dataset(run.uri, streaming=streaming)
    rows = {row["index"]: row for row in rows_of(loaded)}
    assert sorted(rows) == list(range(COUNT))
    for index in KEPT:
        check_mask(rows[index]["conditioning_image"], sample_with_regions(index))
        check_picture(rows[index]["image"], sample_with_regions(index).image)
    check_pictures_alone_are_called_mask(loaded["train"].features)


def test_the_types_on_the_card_are_those_in_the_shards(run: Store) -> None:
    of_card = datasets.load_dataset_builder(run.uri).info
    of_shards = datasets.load_dataset("parquet", data_files=f"{run.uri}/data/*.parquet")["train"].features
    assert of_card.features == of_shards
    assert sum(split.num_examples for split in of_card.splits.values()) == COUNT


@pytest.mark.parametrize("streaming", [False, True])
def test_controlnet_trainers_get_image_conditioning_image_and_text(
    run: Store, tmp_path: Path, *, streaming: bool
) -> None:
    export(run, tmp_path, "controlnet")
    loaded = datasets.load_dataset(str(tmp_path / "controlnet"), streaming=streaming)
    assert list(loaded["train"].features) == ["image", "conditioning_image", "text"]
    for row, sample in zip(rows_of(loaded), samples(), strict=True):
        check_picture(row["image"], sample.image)
        check_mask(row["conditioning_image"], sample)
        assert row["text"] == sample.words.text


@pytest.mark.parametrize("streaming", [False, True])
def test_inpainting_trainers_get_image_prompt_and_mask(run: Store, tmp_path: Path, *, streaming: bool) -> None:
    export(run, tmp_path, "inpainting")
    loaded = datasets.load_dataset(str(tmp_path / "inpainting"), streaming=streaming)
    assert list(loaded["train"].features) == ["image", "prompt", "mask"]
    check_pictures_alone_are_called_mask(loaded["train"].features)
    for row, sample in zip(rows_of(loaded), samples(), strict=True):
        check_picture(row["image"], sample.image)
        check_mask(row["mask"], sample)
        assert row["prompt"] == sample.words.prompt


@pytest.mark.parametrize("streaming", [False, True])
def test_instruct_pix2pix_trainers_get_both_ends_and_the_instruction(
    run: Store, tmp_path: Path, *, streaming: bool
) -> None:
    export(run, tmp_path, "instruct-pix2pix")
    loaded = datasets.load_dataset(str(tmp_path / "instruct-pix2pix"), streaming=streaming)
    assert list(loaded["train"].features) == ["input_image", "edit_prompt", "edited_image"]
    for row, sample in zip(rows_of(loaded), samples(), strict=True):
        check_picture(row["input_image"], sample.negative)
        check_picture(row["edited_image"], sample.image)
        assert row["edit_prompt"] == sample.words.edit_prompt


@pytest.mark.parametrize("streaming", [False, True])
def test_imagefolder_gives_every_picture_its_column(run: Store, tmp_path: Path, *, streaming: bool) -> None:
    export(run, tmp_path, "imagefolder")
    loaded = datasets.load_dataset(str(tmp_path / "imagefolder"), streaming=streaming)
    rows = {row["index"]: row for row in rows_of(loaded)}
    assert sorted(rows) == KEPT
    for index, row in rows.items():
        sample = sample_with_regions(index)
        check_mask(row["conditioning_image"], sample)
        for column in ("image", "original", "negative"):
            check_picture(row[column], getattr(sample, column))
        assert (row["id"], row["text"]) == (sample.id, sample.words.text)


def test_imagefolder_loads_by_the_builders_name_too(run: Store, tmp_path: Path) -> None:
    export(run, tmp_path, "imagefolder")
    loaded = datasets.load_dataset("imagefolder", data_dir=str(tmp_path / "imagefolder"))
    assert sum(len(split) for split in loaded.values()) == len(KEPT)
    assert "conditioning_image" in loaded["train"].features


@left_open
def test_webdataset_yields_every_sample_whole(run: Store, tmp_path: Path) -> None:
    export(run, tmp_path, "webdataset")
    tars = sorted(str(path) for path in (tmp_path / "webdataset/data").glob("*.tar"))
    # Its "pil" decoder makes RGB of everything; the files are looked at as they are.
    check_webdataset({**row, **decoded(row)} for row in webdataset.WebDataset(tars, shardshuffle=False))
    gc.collect()


@left_open
def test_webdataset_serves_trainers_that_ask_for_a_picture_and_its_caption(run: Store, tmp_path: Path) -> None:
    export(run, tmp_path, "webdataset")
    tars = sorted(str(path) for path in (tmp_path / "webdataset/data").glob("train-*.tar"))
    pairs = webdataset.WebDataset(tars, shardshuffle=False).decode("pil").to_tuple("jpg;png;webp", "txt;caption")
    image, text = next(iter(pairs))
    check_picture(image, sample_with_regions(0).image)
    assert text == sample_with_regions(0).words.text
    del pairs
    gc.collect()


@pytest.mark.parametrize("streaming", [False, True])
def test_the_datasets_library_reads_the_tars_too(run: Store, tmp_path: Path, *, streaming: bool) -> None:
    export(run, tmp_path, "webdataset")
    loaded = datasets.load_dataset(str(tmp_path / "webdataset"), streaming=streaming)
    check_pictures_alone_are_called_mask(loaded["train"].features)
    check_webdataset(rows_of(loaded))


def decoded(row: dict[str, Any]) -> dict[str, Any]:
    pictures = {name: Image.open(io.BytesIO(body)) for name, body in row.items() if name.endswith("png")}
    return {**pictures, "txt": row["txt"].decode(), "json": json.loads(row["json"])}


def check_webdataset(read: Iterable[Any]) -> None:
    by_id = {row["__key__"].rpartition("/")[2]: row for row in read}
    assert sorted(by_id) == [f"{index:08d}" for index in KEPT]
    for row in by_id.values():
        sample = sample_with_regions(row["json"]["index"])
        check_mask(row["mask.png"], sample)
        check_picture(row["png"], sample.image)
        check_picture(row["original.png"], sample.original)
        check_picture(row["negative.png"], sample.negative)
        assert row["txt"] == sample.words.text
        assert [region["rank"] for region in row["json"]["regions"]] == [0, 1]


def test_pycocotools_decodes_the_masks_of_the_run(run: Store, tmp_path: Path, capsys: Any) -> None:
    export(run, tmp_path, "coco")
    seen = []
    for split in SPLITS:
        annotated = COCO(str(tmp_path / f"coco/annotations/instances_{split}.json"))
        images = annotated.loadImgs(annotated.getImgIds())
        assert [image["id"] for image in images] == list(range(1, len(images) + 1))
        assert sorted(annotated.getAnnIds()) == list(range(1, len(annotated.anns) + 1))
        assert annotated.loadCats(annotated.getCatIds())[0]["id"] == 1
        for image in images:
            with Image.open(tmp_path / "coco/images" / split / image["file_name"]) as picture:
                sample = sample_with_regions(int(Path(image["file_name"]).stem))
                check_picture(picture, sample.image)
                assert picture.size == (image["width"], image["height"])
            annotations = annotated.loadAnns(annotated.getAnnIds(imgIds=image["id"]))
            masks = [annotated.annToMask(annotation) for annotation in annotations]
            assert np.array_equal(np.any(masks, axis=0) * 255, sample.mask)
            assert [annotation["area"] for annotation in annotations] == [mask.sum() for mask in masks]
            seen.append(sample.index)
    assert sorted(seen) == KEPT


def test_torchvision_pairs_pictures_with_their_regions(run: Store, tmp_path: Path, capsys: Any) -> None:
    export(run, tmp_path, "coco")
    root = tmp_path / "coco"
    pairs = torchvision.datasets.CocoDetection(root / "images/train", root / "annotations/instances_train.json")
    image, regions = pairs[0]
    check_picture(image, sample_with_regions(0).image)
    assert [region["rank"] for region in regions] == [0, 1]


def test_kohya_folders_are_as_sd_scripts_documents_them(run: Store, tmp_path: Path) -> None:
    """docs/masked_loss_README of sd-scripts: `conditioning_data_dir` holds a mask of the image's name and size.

    Its folders are flat and taken from the working directory; captions have the image's name and `caption_extension`.
    """
    export(run, tmp_path, "kohya")
    root = tmp_path / "kohya"
    config = tomllib.loads((root / "dataset.toml").read_text())
    subset = config["datasets"][0]["subsets"][0]
    pictures = {path.stem: path for path in (root / subset["image_dir"]).glob("*.png")}
    masks = {path.stem: path for path in (root / subset["conditioning_data_dir"]).glob("*.png")}
    assert pictures.keys() == masks.keys() == {f"{i:08d}" for i in KEPT if i // 3 in (0, 2, 4)}
    for name, path in pictures.items():
        sample = sample_with_regions(int(name))
        with Image.open(path) as picture, Image.open(masks[name]) as mask:
            check_picture(picture, sample.image)
            check_mask(mask, sample)
        assert path.with_suffix(config["general"]["caption_extension"]).read_text().strip() == sample.words.text
    assert config["datasets"][0]["resolution"] == [SIZE, SIZE]


@pytest.mark.integration
@pytest.mark.ceph
@pytest.mark.parametrize("name", ["controlnet", "webdataset", "imagefolder"])
def test_a_run_in_a_bucket_exports_into_a_bucket_and_loads_from_there(run: Store, s3_uri: str, name: str) -> None:
    source, target = open_store(s3_uri), open_store(f"{s3_uri}-{name}")
    for key in run.list():
        source.put(key, run.get(key))
    assert sum(export_run(source, target, name).samples.values()) == len(KEPT)
    result = export_run(source, target, name)
    assert result.made == 0
    loaded = eval(result.load, {"datasets": datasets})  # noqa: S307  # the line that the command prints
    first = next(iter(loaded["train"]))
    # imagefolder's loader keeps the order of files within a metadata.jsonl, but not that of the folders.
    index = first["index"] if name == "imagefolder" else 0
    check_picture(first["png" if name == "webdataset" else "image"], sample_with_regions(index).image)


@pytest.mark.integration
@pytest.mark.ceph
@pytest.mark.parametrize("streaming", [False, True])
def test_a_run_in_a_bucket_loads_by_its_files(run: Store, s3_uri: str, *, streaming: bool) -> None:
    store = open_store(s3_uri)
    for key in run.list("data/"):
        store.put(key, run.get(key))
    files = {split: f"{s3_uri}/data/{split}-*.parquet" for split in SPLITS}
    loaded = datasets.load_dataset("parquet", data_files=files, streaming=streaming)
    rows = {row["index"]: row for row in rows_of(loaded)}
    assert sorted(rows) == list(range(COUNT))
    check_mask(rows[0]["conditioning_image"], sample_with_regions(0))
