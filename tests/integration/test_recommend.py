"""`higan-cam recommend` from the command line: places that are there, places that could be, bad files between them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from higan_cam.config import RunConfig, load_config
from higan_cam.errors import ConfigError, DataError, RunMismatchError
from higan_cam.publish.images import decode_image
from higan_cam.rooms.photos import TUNING_SEED, photos
from higan_cam.runtime.recommend import recommend
from higan_cam.store import open_store, verify_run
from higan_cam.store.status import read_status
from tests.support.commands import Command
from tests.support.small_runs import digests

pytestmark = pytest.mark.integration
GOOD, BAD = 170, 30


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four photos of rooms, one of them wider than high, and a file that is none."""
    folder = tmp_path_factory.mktemp("rooms")
    for index, room in enumerate(photos(TUNING_SEED, 4, "G1")):
        image = np.pad(room.image, ((0, 0), (20 * (index == 1),) * 2, (0, 0)), mode="edge")
        cv2.imwrite(str(folder / f"{index}.png"), image[..., ::-1])
    (folder / "cut off.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF")
    return folder


def asked(rooms: Path, output: Path, bank: Path | None, *overrides: str) -> RunConfig:
    named = () if bank is None else (f"student.bank={bank}",)
    settings = (f"source.pictures={rooms}", "source.kind=pictures", "mask.shard_size=4", "runtime.workers=1")
    return load_config(None, [*settings, *named, *overrides], output=str(output))


def rows_of(output: Path) -> list[dict[str, Any]]:
    return [row for shard in sorted((output / "places").glob("*.parquet")) for row in pq.read_table(shard).to_pylist()]


def test_absent_from_the_command_line_leaves_places_page_gallery_and_card(
    rooms: Path, reference_run: Path, tmp_path: Path, higan_cam: Command
) -> None:
    output = tmp_path / "places"
    command = ["recommend", str(rooms), str(output), "--absent", "--run", str(reference_run)]
    status, _, said = higan_cam(*command, "--set", "mask.shard_size=4", "--set", "runtime.workers=1")
    assert status == 0, said
    rows = rows_of(output)
    assert [row["status"] for row in rows] == ["ok"] * 4 + ["unreadable"]
    for row in rows[:4]:
        assert row["places"]
        assert decode_image(row["picture_mask"]["bytes"]).shape == decode_image(row["picture"]["bytes"]).shape[:2]
    page, card, gallery = (
        (output / name).read_text() for name in ("report/index.html", "README.md", "report/gallery.html")
    )
    for text in (page, card, gallery):
        assert "is not and could be" in text
        assert "cut off.jpg" in text or text != page
    assert str(reference_run) in page
    assert json.loads((output / "run.json").read_text())["weights"].keys() == {"student", "bank"}
    found = read_status(open_store(str(output)))
    assert [(stage.name, stage.done) for stage in found.stages] == [("recommend", 5)]
    assert verify_run(open_store(str(output))) == []


def test_absent_goes_on_with_the_same_bytes_and_only_with_the_same_run(
    local_ray: None, rooms: Path, reference_run: Path, tmp_path: Path
) -> None:
    config = asked(rooms, tmp_path / "places", reference_run)
    assert recommend(config).problems == []
    expected = digests(tmp_path / "places")
    (tmp_path / "places/places/part-00000.parquet").unlink()
    recommend(config)
    assert digests(tmp_path / "places") == expected
    with pytest.raises(RunMismatchError, match=r"student\.bank"):
        recommend(asked(rooms, tmp_path / "places", None))


def test_what_cannot_be_a_bank_is_said_before_anything_is_written(
    rooms: Path, reference_run: Path, unmasked: Path, small_config: Callable[..., RunConfig], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="has no masks yet"):
        recommend(asked(rooms, tmp_path / "places", unmasked))
    other = tmp_path / "other"
    shutil.copytree(reference_run, other)
    run = json.loads((other / "run.json").read_text())
    run["config"]["attribute"] = "clouds"
    (other / "run.json").write_text(json.dumps(run))
    with pytest.raises(ConfigError, match=r"masks of .* are of 'clouds'"):
        recommend(asked(rooms, tmp_path / "places", other))
    assert not (tmp_path / "places").exists()


def test_thirty_bad_files_of_two_hundred_are_rows_with_reasons(local_ray: None, tmp_path: Path) -> None:
    folder, draw = tmp_path / "photos", np.random.Generator(np.random.Philox(5))
    folder.mkdir()
    whole = cv2.imencode(".jpg", draw.integers(0, 256, (48, 64, 3), np.uint8))[1].tobytes()
    for index in range(GOOD):
        cv2.imwrite(str(folder / f"{index:03d} good.png"), draw.integers(0, 256, (48, 64, 3), np.uint8))
    bodies = (b"", whole[: len(whole) // 2], b"<!DOCTYPE html><html>not found</html>", draw.bytes(500), b"\x89PNG\r\n")
    for index in range(BAD):
        (folder / f"{7 * index:03d} bad.jpg").write_bytes(bodies[index % len(bodies)])
    outcome = recommend(asked(folder, tmp_path / "places", None, "mask.shard_size=50"))
    assert outcome.problems == []
    rows = rows_of(tmp_path / "places")
    bad = [row for row in rows if row["status"] == "unreadable"]
    assert len(rows) == GOOD + BAD
    assert {row["picture_key"] for row in bad} == {path.name for path in folder.glob("*bad.jpg")}
    assert all(row["reason"] for row in bad)
    page = (tmp_path / "places/report/index.html").read_text()
    assert all(f"{row['picture_key']}" in page for row in bad)
    assert len(rows) == (tmp_path / "places/report/gallery/samples.js").read_text().count("good.png") + BAD
