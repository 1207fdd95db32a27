"""The main job on people's pictures, on a real local Ray: what it leaves of good, poor and broken files, and that
workers, restarts and remaking do not change a byte."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
from filelock import FileLock

from higan_cam.cli.measure import recorded_networks
from higan_cam.config import RunConfig, load_config
from higan_cam.errors import ConfigError, RunMismatchError
from higan_cam.invert.verdict import MARGIN_DB, MARGIN_FEATURES
from higan_cam.mask import decode_rle
from higan_cam.pictures.paste import FEATHER, feathered
from higan_cam.pipeline.editing import between, pictures
from higan_cam.pipeline.photos import with_codes
from higan_cam.publish.codes import decode_codes
from higan_cam.publish.exports import export_run
from higan_cam.publish.images import decode_image
from higan_cam.rooms.photos import TUNING_SEED, photo
from higan_cam.runtime.recommend import recommend
from higan_cam.runtime.remake import remake_shards
from higan_cam.runtime.run import run_stages
from higan_cam.runtime.workers.inputs import codes_of_pictures
from higan_cam.store import open_store, verify_run
from higan_cam.store.status import read_status
from higan_cam.types import PictureCode
from tests.support.commands import Command
from tests.support.small_runs import digests, session_folder

pytestmark = pytest.mark.integration
ROOMS, STRANGERS = 4, ("noise.png",)
Build = Callable[..., RunConfig]


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four rooms, two of them wider than high, one picture that is no room, one file that is no picture."""
    folder = session_folder(tmp_path_factory) / "photos"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            _take_photos(folder)
    return folder


def _take_photos(folder: Path) -> None:
    folder.mkdir()
    for index in range(ROOMS):
        image = photo(TUNING_SEED, index, "G1").image
        if index % 2:
            image = np.concatenate([image[:, 20:0:-1], image, image[:, -2:-32:-1]], axis=1)
        cv2.imwrite(str(folder / f"room {index} é.png"), image[..., ::-1])
    noise = np.random.Generator(np.random.Philox(1)).integers(0, 256, (70, 90, 3), np.uint8)
    cv2.imwrite(str(folder / STRANGERS[0]), noise)
    (folder / "cut off.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF")


@pytest.fixture(scope="session")
def build(photo_folder: Path, reference_run: Path) -> Build:
    """A configuration on those pictures, with the boundary of the reference run."""

    def config(output: Path, *overrides: str) -> RunConfig:
        boundary = reference_run / "boundary/indoor_lighting.safetensors"
        settings = ("mask.shard_size=3", "mask.micro_batch=2", "invert.steps=4", "runtime.workers=1")
        source = ("source.kind=pictures", f"source.pictures={photo_folder}", f"boundary.weights={boundary}")
        return load_config(None, [*source, *settings, *overrides], output=str(output))

    return config


@pytest.fixture(scope="session")
def picture_run(tmp_path_factory: pytest.TempPathFactory, local_ray: None, build: Build) -> Path:
    """One finished run on the pictures, made once. Read only: tests change a copy."""
    output = session_folder(tmp_path_factory) / "pictures" / "run"
    with FileLock(f"{output.parent}.lock"):
        if not (output / "report" / "index.html").exists():
            run_stages(build(output))
    return output


def codes_of(run: Path) -> dict[str, PictureCode]:
    """{name: row of codes/}."""
    shards = sorted((run / "codes").glob("*.parquet"))
    return {code.key: code for shard in shards for code in decode_codes(shard.read_bytes())}


def rows_of(run: Path) -> dict[str, dict[str, Any]]:
    """{name: row of the dataset}."""
    tables = [pq.read_table(shard).to_pylist() for shard in sorted((run / "data").glob("*.parquet"))]
    return {row["picture_key"]: row for rows in tables for row in rows}


def test_every_file_is_a_row_that_says_what_became_of_it(picture_run: Path) -> None:
    status = {key: code.status for key, code in codes_of(picture_run).items()}
    assert status == {f"room {index} é.png": "ok" for index in range(ROOMS)} | {
        "noise.png": "poor",
        "cut off.jpg": "unreadable",
    }
    assert codes_of(picture_run)["cut off.jpg"].reason
    assert verify_run(open_store(str(picture_run))) == []


def test_a_picture_that_the_generator_cannot_draw_has_no_mask_and_says_why(picture_run: Path) -> None:
    row = rows_of(picture_run)["noise.png"]
    assert (row["status"], row["verdict"], row["regions"]) == ("empty", "poor", [])
    assert "dB" in row["reason"]
    assert decode_image(row["picture_mask"]["bytes"]).max() == 0


def test_masks_and_edits_have_the_pictures_own_size_and_its_bytes_outside_the_feather(
    picture_run: Path, photo_folder: Path
) -> None:
    for name, row in rows_of(picture_run).items():
        picture = np.asarray(cv2.imread(str(photo_folder / name)))[..., ::-1]
        mask, edited = (decode_image(row[column]["bytes"]) for column in ("picture_mask", "picture_image"))
        assert mask.shape == picture.shape[:2]
        np.testing.assert_array_equal(decode_image(row["picture"]["bytes"]), picture)
        outside = feathered(mask, FEATHER * 128 * row["place"][0]) == 0
        np.testing.assert_array_equal(edited[outside], picture[outside])
    assert any(decode_image(row["picture_mask"]["bytes"]).any() for row in rows_of(picture_run).values())


def test_places_are_shares_of_the_picture_and_lie_under_the_mask(picture_run: Path) -> None:
    rows = [row for row in rows_of(picture_run).values() if row["places"]]
    assert rows
    for row in rows:
        mask = decode_image(row["picture_mask"]["bytes"])
        height, width = mask.shape
        for place in row["places"]:
            left, top = int(place["left"] * width), int(place["top"] * height)
            right, bottom = left + 1 + int(place["width"] * width), top + 1 + int(place["height"] * height)
            assert 0 <= place["left"] <= place["x"] <= place["left"] + place["width"] <= 1 + 1e-6
            assert mask[top:bottom, left:right].any()


def test_report_and_card_speak_of_the_pictures(picture_run: Path) -> None:
    page = (picture_run / "report/index.html").read_text()
    assert "4 inverted, 1 that the generator cannot draw, 1 that cannot be read" in page
    assert "cut off.jpg" in page
    assert "picture_mask" in (picture_run / "README.md").read_text()


def test_datasets_reads_the_output(picture_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(str(picture_run), cache_dir=str(tmp_path))
    assert sum(len(split) for split in loaded.values()) == ROOMS + len(STRANGERS)
    row = next(iter(loaded.values()))[0]
    assert row["picture"].size == row["picture_mask"].size


def test_stage_by_stage_and_with_two_workers_the_bytes_are_the_same(
    picture_run: Path, tmp_path: Path, build: Build
) -> None:
    config = build(tmp_path / "run", "runtime.workers=2")
    run_stages(config, ("invert",))
    assert read_status(open_store(config.output)).stages[0].done == ROOMS + 2
    run_stages(config)
    assert digests(tmp_path / "run") == digests(picture_run)


def test_a_rerun_keeps_the_listing_and_makes_only_what_is_missing(
    picture_run: Path, photo_folder: Path, tmp_path: Path, build: Build
) -> None:
    output = tmp_path / "run"
    shutil.copytree(picture_run, output)
    expected = digests(output)
    (output / "codes/part-00001.parquet").unlink()
    next((output / "data").glob("*.parquet")).unlink()
    newcomer = photo_folder / "a newcomer.png"  # would be the first
    shutil.copy(photo_folder / "noise.png", newcomer)
    try:
        run_stages(build(output))
    finally:
        newcomer.unlink()
    assert digests(output) == expected


@pytest.mark.parametrize("name", ["controlnet", "instruct-pix2pix"])
def test_exports_carry_pictures_at_their_own_size_when_asked(picture_run: Path, tmp_path: Path, name: str) -> None:
    done = export_run(open_store(str(picture_run)), open_store(str(tmp_path / "target")), name, pictures=True)
    rows = rows_of(picture_run)
    assert sum(done.samples.values()) == sum(row["status"] == "ok" for row in rows.values())
    tables = [pq.read_table(shard).to_pylist() for shard in sorted((tmp_path / "target/data").glob("*.parquet"))]
    column = {"controlnet": "image", "instruct-pix2pix": "edited_image"}[name]
    exported = {row[column]["bytes"] for table in tables for row in table}
    assert exported == {row["picture_image"]["bytes"] for row in rows.values() if row["status"] == "ok"}


def test_exports_refuse_what_lies_in_the_generators_square(picture_run: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--pictures: webdataset has heat"):
        export_run(open_store(str(picture_run)), open_store(str(tmp_path / "target")), "webdataset", pictures=True)


def test_coco_has_regions_in_pixels_of_the_picture(picture_run: Path, tmp_path: Path) -> None:
    export_run(open_store(str(picture_run)), open_store(str(tmp_path / "target")), "coco", pictures=True)
    rows = {row["id"]: row for row in rows_of(picture_run).values() if row["status"] == "ok"}
    seen = set()
    for path in (tmp_path / "target/annotations").glob("*.json"):
        found = json.loads(path.read_text())
        for image in found["images"]:
            name = Path(image["file_name"]).stem
            mask = decode_image(rows[name]["picture_mask"]["bytes"]) > 0
            assert (image["height"], image["width"]) == mask.shape
            parts = [each for each in found["annotations"] if each["image_id"] == image["id"]]
            decoded = [decode_rle(each["segmentation"]) > 0 for each in parts]
            # Each region is brought to the picture by itself: pixels that two of them half fill may differ.
            assert (np.logical_or.reduce(decoded) != mask).mean() < 0.002
            for each, region in zip(parts, decoded, strict=True):
                left, top, width, height = map(int, each["bbox"])
                assert each["area"] == region.sum() == region[top : top + height, left : left + width].sum()
            seen.add(name)
    assert seen == set(rows)


def test_kohya_puts_pictures_of_several_sizes_into_buckets(picture_run: Path, tmp_path: Path) -> None:
    export_run(open_store(str(picture_run)), open_store(str(tmp_path / "target")), "kohya", pictures=True)
    (dataset,) = tomllib.loads((tmp_path / "target/dataset.toml").read_text())["datasets"]
    sizes = {decode_image(path.read_bytes()).shape[1::-1] for path in (tmp_path / "target/train/images").glob("*.png")}
    assert len(sizes) > 1
    assert (dataset["enable_bucket"], dataset["bucket_no_upscale"]) == (True, True)
    assert tuple(dataset["resolution"]) == max(sizes, key=lambda size: size[0] * size[1])


def test_the_report_says_what_makes_a_picture_poor_and_how_masks_agree_with_the_student(picture_run: Path) -> None:
    page = (picture_run / "report/index.html").read_text()
    own = json.loads((picture_run / "listing/calibration.json").read_text())
    assert f"at least {own['psnr'] - MARGIN_DB:.3f}" in page
    assert f"at most {min(MARGIN_FEATURES * own['feature_distance'], own['strangers']):.3f}" in page
    assert "Agreement with the student" in page


def test_a_picture_that_goes_after_it_was_inverted_costs_its_own_row_alone(
    tmp_path: Path, photo_folder: Path, build: Build
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in (0, 1, 2):
        shutil.copy(photo_folder / f"room {index} é.png", folder / f"{index}.png")
    config = build(tmp_path / "run", f"source.pictures={folder}", *QUICK)
    run_stages(config, ("invert",))
    (folder / "1.png").unlink()
    assert run_stages(config).problems == []
    rows = rows_of(tmp_path / "run")
    assert {name: (row["verdict"], row["picture"] is None) for name, row in rows.items()} == {
        "0.png": ("ok", False),
        "1.png": ("unreadable", True),
        "2.png": ("ok", False),
    }
    assert "now cannot" in rows["1.png"]["reason"]
    assert "1.png" in (tmp_path / "run/report/index.html").read_text()
    done = export_run(
        open_store(config.output), open_store(str(tmp_path / "target")), "controlnet", pictures=True, keep_empty=True
    )
    assert sum(done.samples.values()) == 2


def test_shards_are_made_again_to_the_byte(picture_run: Path) -> None:
    remade = list(remake_shards(open_store(str(picture_run)), 4, tell=lambda _: None))
    assert {one.verdict for one in remade} == {"identical"}


def test_status_names_the_inversion(picture_run: Path) -> None:
    status = read_status(open_store(str(picture_run)))
    assert [(stage.name, stage.total) for stage in status.stages] == [("invert", ROOMS + 2), ("mask", ROOMS + 2)]
    assert status.complete


def test_other_pictures_are_refused_and_named(picture_run: Path, tmp_path: Path, build: Build) -> None:
    shutil.copytree(picture_run, tmp_path / "run")
    (tmp_path / "others").mkdir()
    shutil.copy(next(Path(str(build(tmp_path).source.pictures)).glob("*.png")), tmp_path / "others/room.png")
    with pytest.raises(RunMismatchError, match=r"source\.pictures"):
        run_stages(build(tmp_path / "run", f"source.pictures={tmp_path / 'others'}"))


def test_a_folder_without_a_picture_is_said_before_anything_is_written(tmp_path: Path, build: Build) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ConfigError, match="no such folder"):
        run_stages(build(tmp_path / "run", f"source.pictures={tmp_path / 'nowhere'}"))
    assert not (tmp_path / "run").exists()


def test_run_json_has_the_encoders_digest(picture_run: Path) -> None:
    assert "invert.encoder" in json.loads((picture_run / "run.json").read_text())["weights"]


QUICK = ("invert.method=encoder", "invert.min_psnr=1", "invert.max_feature_distance=9")


def test_a_shard_without_a_readable_picture_is_a_shard_and_the_report_names_the_file(
    tmp_path: Path, photo_folder: Path, build: Build
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(photo_folder / "cut off.jpg", folder / "a cut off.jpg")
    shutil.copy(next(photo_folder.glob("room 0*")), folder / "room.png")
    config = build(tmp_path / "run", f"source.pictures={folder}", "mask.shard_size=1", *QUICK)
    assert run_stages(config).problems == []
    assert set(rows_of(tmp_path / "run")) == {"room.png"}
    assert "a cut off.jpg" in (tmp_path / "run/report/index.html").read_text()
    assert verify_run(open_store(config.output)) == []


def test_a_run_on_pictures_that_cannot_be_read_ends_in_order(tmp_path: Path, build: Build) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF")
    assert run_stages(build(tmp_path / "run", f"source.pictures={folder}", *QUICK)).problems == []
    assert "broken.jpg" in (tmp_path / "run/report/index.html").read_text()


def test_the_line_between_two_pictures_begins_and_ends_in_their_reconstructions(picture_run: Path) -> None:
    store = open_store(str(picture_run))
    config, models, _ = recorded_networks(store, None)
    first, last = codes_of_pictures(config, store, (4, 2))  # of two shards
    models = with_codes(models, (first, last))
    (strip,) = pictures(models, config, between(models, config, (4, 2), 3), scores=False)
    assert strip.heading == "picture 4 to picture 2"
    for code, shown in ((last, strip.pictures[0]), (first, strip.pictures[2])):
        reconstruction = decode_image(rows_of(picture_run)[code.key]["reconstruction"]["bytes"])
        np.testing.assert_allclose(shown.astype(int), reconstruction, atol=1)  # of another batch


def test_pictures_are_edited_along_the_runs_own_boundary_or_one_that_is_named(
    higan_cam: Command, picture_run: Path, reference_run: Path, tmp_path: Path
) -> None:
    boundary = str(reference_run / "boundary/indoor_lighting.safetensors")
    for more in ((), ("--boundary", boundary)):
        sheet = tmp_path / "strips.png"
        status, told, _ = higan_cam(
            *("edit", "--run", str(picture_run), "--index", "2,5", "--distances=0,3", "--to", str(sheet), *more)
        )
        assert (status, "drawn    4 pictures" in told, "as the run's samples have them" in told) == (0, True, True)
        assert sheet.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--index", "0"), "picture 0, cut off.jpg: it has no code ("),
        (("--interpolate", "2,6"), "picture 6: the run has 6, from 0 to 5"),
        (("--set", "seed=3"), "--run brings its own configuration: leave out --config and --set"),
        (("--index", "2", "--layers", "3-99"), "edit.layers: the generator has layers 0-"),
    ],
)
def test_what_cannot_be_edited_of_a_run_is_said(
    higan_cam: Command, picture_run: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    status, _, told = higan_cam("edit", "--run", str(picture_run), "--to", str(tmp_path / "s.png"), *arguments)
    assert (status, said in " ".join(told.split()), (tmp_path / "s.png").exists()) == (2, True, False)


@pytest.fixture
def recommended(tmp_path: Path, local_ray: None, photo_folder: Path) -> tuple[Path, RunConfig]:
    """A finished `higan-cam recommend`, and its configuration."""
    settings = [f"source.pictures={photo_folder}", "source.kind=pictures", "mask.shard_size=4", "runtime.workers=1"]
    config = load_config(None, settings, output=str(tmp_path / "places"))
    assert recommend(config).problems == []
    return tmp_path / "places", config


def test_recommendations_are_a_row_for_each_picture_and_go_on_where_they_stopped(
    recommended: tuple[Path, RunConfig],
) -> None:
    output, config = recommended
    expected = digests(output)
    tables = [pq.read_table(shard).to_pylist() for shard in sorted((output / "places").glob("*.parquet"))]
    rows = {row["picture_key"]: row for table in tables for row in table}
    assert rows["cut off.jpg"]["status"] == "unreadable"
    assert rows["cut off.jpg"]["picture"] is None
    for index in range(ROOMS):
        row = rows[f"room {index} é.png"]
        assert row["status"] == "ok"
        assert decode_image(row["picture_mask"]["bytes"]).shape == decode_image(row["picture"]["bytes"]).shape[:2]
        assert all(0 <= place["x"] <= 1 and 0 <= place["y"] <= 1 for place in row["places"])
    status = read_status(open_store(str(output)))
    assert [(stage.name, stage.done) for stage in status.stages] == [("recommend", ROOMS + 2)]
    assert status.complete
    assert verify_run(open_store(str(output))) == []
    (output / "places/part-00000.parquet").unlink()
    recommend(config)
    assert digests(output) == expected
    assert "cut off.jpg" in (output / "report/index.html").read_text()
