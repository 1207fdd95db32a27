"""`higan-cam light` on a real Ray: pairs with words, restarts, places of another command, lamps to be seen."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import datasets
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from higan_cam.config import RunConfig, load_config
from higan_cam.errors import ConfigError, DataError, RunMismatchError, StoreError
from higan_cam.publish.images import decode_image
from higan_cam.relight.bodies import drawn_lamp, encode_lamp
from higan_cam.relight.translator import save_translator
from higan_cam.relight.translator.network import TranslatorNetwork
from higan_cam.rooms.photos import TUNING_SEED, photos
from higan_cam.runtime.light import light
from higan_cam.runtime.recommend import recommend
from higan_cam.store import open_store, verify_run
from higan_cam.store.canonical import canonical_json, digest
from higan_cam.store.status import read_status
from higan_cam.weights.files import sha256_of
from tests.support.commands import Command
from tests.support.small_runs import digests

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three photos of rooms whose lamps are off, one of them wider than high, and a file that is none."""
    folder = tmp_path_factory.mktemp("rooms")
    for index, room in enumerate(photos(TUNING_SEED, 3, "G1", lamps=False)):
        image = np.pad(room.image, ((0, 0), (20 * (index == 1),) * 2, (0, 0)), mode="edge")
        cv2.imwrite(str(folder / f"{index}.png"), image[..., ::-1])
    (folder / "cut off.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF")
    return folder


def asked(rooms: Path, output: Path, *overrides: str) -> RunConfig:
    pictures = (f"source.pictures={rooms}", "source.kind=pictures", "source.fit=pad")
    return load_config(None, [*pictures, "mask.shard_size=2", "runtime.workers=1", *overrides], output=str(output))


def rows_of(output: Path) -> list[dict[str, Any]]:
    return [row for shard in sorted((output / "lights").glob("*.parquet")) for row in pq.read_table(shard).to_pylist()]


def test_the_command_leaves_pairs_with_words_a_page_and_a_status(
    local_ray: None, rooms: Path, tmp_path: Path, higan_cam: Command
) -> None:
    output = tmp_path / "lit"
    command = ["light", str(rooms), str(output), "--gain", "1", "--gain", "0.5"]
    status, _, said = higan_cam(*command, "--set", "mask.shard_size=2", "--set", "runtime.workers=1")
    assert status == 0, said
    lit = rows_of(output)
    assert len(lit) == 9
    for row in lit:
        before, after = (decode_image(row[name]["bytes"]) for name in ("input_image", "edited_image"))
        assert before.shape == after.shape == decode_image((rooms / row["picture_key"]).read_bytes()).shape
        brighter = after.astype(int).sum() > before.astype(int).sum()
        assert brighter == row["edit_prompt"].startswith("switch on")
    page = (output / "report/index.html").read_text()
    assert "switch on the lamp" in page
    assert "cut off.jpg" in page
    loaded = datasets.load_dataset(str(output), cache_dir=str(tmp_path / "cache"))["train"]
    assert [row["edit_prompt"] for row in loaded] == [row["edit_prompt"] for row in lit]
    found = read_status(open_store(str(output)))
    assert [(stage.name, stage.done) for stage in found.stages] == [("light", 4)]
    assert verify_run(open_store(str(output))) == []


def test_the_same_command_goes_on_to_the_same_bytes_and_another_is_refused(
    local_ray: None, rooms: Path, tmp_path: Path
) -> None:
    config = asked(rooms, tmp_path / "lit", "light.gains=[1, 2]", "light.kelvins=[2700]")
    assert light(config).problems == []
    expected = digests(tmp_path / "lit")
    (tmp_path / "lit/lights/part-00001.parquet").unlink()
    light(config)
    assert digests(tmp_path / "lit") == expected
    with pytest.raises(RunMismatchError, match=r"light\.gains"):
        light(asked(rooms, tmp_path / "lit", "light.gains=[1]", "light.kelvins=[2700]"))


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory, local_ray: None, rooms: Path) -> Path:
    """What `recommend` leaves of them. Read only: tests change a copy."""
    output = tmp_path_factory.mktemp("recommended") / "places"
    recommend(asked(rooms, output))
    return output


def test_places_that_were_recommended_give_the_same_pairs(rooms: Path, places: Path, tmp_path: Path) -> None:
    light(asked(rooms, tmp_path / "asked", "light.gains=[1]"))
    light(asked(rooms, tmp_path / "given", "light.gains=[1]", f"light.places={places}"))
    asked_rows, given = (
        [(row["id"], row["edit_prompt"], row["edited_image"]) for row in rows_of(tmp_path / name)]
        for name in ("asked", "given")
    )
    assert len(asked_rows) == 6
    for one, other in zip(asked_rows, given, strict=True):
        assert one[:2] == other[:2]
        pictures = [decode_image(each[2]["bytes"]).astype(int) for each in (one, other)]
        assert np.abs(pictures[0] - pictures[1]).max() <= 1  # heat is 16-bit in a shard


def test_places_that_are_not_finished_or_are_others_now_are_refused(rooms: Path, places: Path, tmp_path: Path) -> None:
    shutil.copytree(places, tmp_path / "places")
    config = asked(rooms, tmp_path / "lit", "light.gains=[1]", f"light.places={tmp_path / 'places'}")
    record = tmp_path / "places/manifest/places-00001.json"
    whole = record.read_bytes()
    record.unlink()
    with pytest.raises(DataError, match="has places of 2 of 4 pictures"):
        light(config)
    record.write_bytes(whole)
    light(config)
    shard = tmp_path / "places/places/part-00001.parquet"
    pq.write_table(pq.read_table(shard), shard, compression="none")
    body = shard.read_bytes()
    record.write_bytes(canonical_json(json.loads(whole) | {"bytes": len(body), "sha256": digest(body)}))
    with pytest.raises(RunMismatchError, match=r"weights\.places"):
        light(config)


def test_a_lamp_is_seen_where_the_light_is(local_ray: None, rooms: Path, tmp_path: Path) -> None:
    (tmp_path / "lamp.png").write_bytes(encode_lamp(drawn_lamp()))
    light(asked(rooms, tmp_path / "lit", "light.gains=[1]", f"light.lamp={tmp_path / 'lamp.png'}"))
    row = rows_of(tmp_path / "lit")[0]
    photo = decode_image((rooms / row["picture_key"]).read_bytes())
    off = decode_image(row["input_image"]["bytes"])
    changed = np.argwhere((off != photo).any(axis=-1))
    (place,) = row["places"]
    middle = (changed.min(axis=0) + changed.max(axis=0)) / 2
    assert np.abs(middle - [place["y"] * photo.shape[0], place["x"] * photo.shape[1]]).max() < 3


@pytest.mark.parametrize(
    ("override", "error", "words"),
    [
        ("light.lamp={rooms}/0.png", ConfigError, "nothing transparent"),
        ("light.lamp={rooms}/none.png", ConfigError, r"light\.lamp: .*none\.png: no such file"),
        ("light.places={rooms}", StoreError, "not a run"),
        ("light.settings={{glow: 1, gloww: 2}}", ConfigError, "gloww"),
        ("light.settings={{kelvin: 100}}", ConfigError, "cutout: kelvin"),
        ("light.composer=diffusion", ConfigError, "needs the setting folder"),
        ("source.pictures={rooms}s", ConfigError, "no such folder or file"),
        ("light.gains=[]", ConfigError, "a gain above 0"),
    ],
)
def test_what_cannot_be_used_is_said_before_anything_is_written(
    rooms: Path, tmp_path: Path, override: str, error: type[Exception], words: str
) -> None:
    config = asked(rooms, tmp_path / "lit", "light.gains=[1]", override.format(rooms=rooms))
    with pytest.raises(error, match=words):
        light(config)
    assert not (tmp_path / "lit").exists()


def test_a_run_is_no_output_of_recommend_and_one_on_latents_has_masks_of_no_picture(
    reference_run: Path, rooms: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"light\.masks: .* is a run on latents"):
        light(asked(rooms, tmp_path / "lit", "light.gains=[1]", f"light.masks={reference_run}"))
    config = asked(rooms, tmp_path / "lit", "light.gains=[1]", f"light.places={reference_run}")
    with pytest.raises(DataError, match="is a run, and no output of `recommend`"):
        light(config)
    assert not (tmp_path / "lit").exists()


def test_a_folder_without_pictures_does_not_claim_the_output(rooms: Path, tmp_path: Path) -> None:
    """The corrected command would else be refused there."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/notes.txt").touch()
    with pytest.raises(ConfigError, match=r"photos: no pictures there \(passed over: 1 \.txt\)"):
        light(asked(tmp_path / "photos", tmp_path / "lit", "light.gains=[1]"))
    assert not (tmp_path / "lit").exists()


def test_a_network_puts_its_light_in_as_any_composer(local_ray: None, rooms: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    save_translator(tmp_path / "translator", TranslatorNetwork((8, 8, 16)), 64, "film", "light")
    chosen = (f"light.settings={{weights: {tmp_path / 'translator'}}}", "light.composer=translator")
    light(asked(rooms, tmp_path / "lit", "light.gains=[1,0.5]", *chosen))
    lit, pinned = rows_of(tmp_path / "lit"), json.loads((tmp_path / "lit" / "run.json").read_text())
    assert len(lit) == 9
    known = sha256_of(tmp_path / "translator")
    assert pinned["weights"]["translator"] == known
    assert {(made["composer"], made["translator"]) for made in map(json.loads, (row["settings"] for row in lit))} == {
        ("translator", known)
    }
    before, after = (decode_image(lit[0][name]["bytes"]).astype(int) for name in ("input_image", "edited_image"))
    assert (after >= before).all()
    assert (after > before).any()


def test_masks_of_recommend_are_where_a_network_puts_its_light(rooms: Path, places: Path, tmp_path: Path) -> None:
    """All of a picture's mask is one lamp; a picture that could not be read is said to be so."""
    chosen = ("light.composer=translator", "light.gains=[1]", f"light.masks={places}")
    light(asked(rooms, tmp_path / "lit", *chosen))
    lit = rows_of(tmp_path / "lit")
    assert [row["picture_key"] for row in lit] == ["0.png", "0.png", "1.png", "1.png", "2.png", "2.png"]
    before, after = (decode_image(lit[2][name]["bytes"]).astype(int) for name in ("input_image", "edited_image"))
    assert before.shape == after.shape
    assert (after >= before).all()
    assert (after > before).any()
    assert "cut off.jpg" in (tmp_path / "lit/report/index.html").read_text()
