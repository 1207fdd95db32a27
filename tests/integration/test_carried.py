"""`higan-cam light RUN OUTPUT --composer pair` on a finished run on pictures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from higan_cam.config import load_config
from higan_cam.errors import ConfigError, DataError, WeightsError
from higan_cam.pictures.paste import feathered
from higan_cam.publish.images import decode_image
from higan_cam.runtime.light import light
from higan_cam.store import open_store, verify_run
from tests.integration.test_pictures import build, photo_folder, picture_run  # noqa: F401  (fixtures)
from tests.support.commands import Command
from tests.support.small_runs import digests

pytestmark = pytest.mark.integration


def rows_of(output: Path, folder: str) -> list[dict[str, Any]]:
    return [row for shard in sorted((output / folder).glob("*.parquet")) for row in pq.read_table(shard).to_pylist()]


def test_the_light_of_a_runs_edits_is_put_into_its_pictures(
    picture_run: Path,  # noqa: F811
    tmp_path: Path,
    higan_cam: Command,
) -> None:
    output = tmp_path / "lit"
    command = ["light", str(picture_run), str(output), "--composer", "pair"]
    command += ["--gain", "1", "--gain", "0.5", "--set", "mask.shard_size=2", "--set", "runtime.workers=1"]
    status, _, told = higan_cam(*command)
    assert status == 0, told
    edited = {row["picture_key"]: row for row in rows_of(picture_run, "data")}
    lit = rows_of(output, "lights")
    ok = {key for key, row in edited.items() if row["status"] == "ok"}
    assert {row["picture_key"] for row in lit} == ok
    assert ok
    for row in lit:
        picture, mask = (
            decode_image(edited[row["picture_key"]][name]["bytes"]) for name in ("picture", "picture_mask")
        )
        before, after = (decode_image(row[name]["bytes"]) for name in ("input_image", "edited_image"))
        beyond = feathered(mask, 0.4 * min(mask.shape)) == 0  # .3 of the square, which a camera may enlarge
        for each in (before, after):
            np.testing.assert_array_equal(each[beyond], picture[beyond])
        settings = json.loads(row["settings"])
        assert (settings["composer"], settings["response"]) == ("pair", "film")  # the rooms' curve
        assert (after.astype(int).sum() > before.astype(int).sum()) == row["edit_prompt"].startswith("switch on")
    page = (output / "report/index.html").read_text()
    assert "noise.png" in page
    assert "cut off.jpg" in page
    assert verify_run(open_store(str(output))) == []
    expected = digests(output)
    (output / "lights/part-00001.parquet").unlink()
    assert higan_cam(*command)[0] == 0
    assert digests(output) == expected


@pytest.mark.parametrize(
    ("overrides", "error", "words"),
    [
        ((), ConfigError, r"light\.places: the composer pair takes a run"),
        (("light.places={run}", "light.lamp=lamp.png"), ConfigError, r"light\.lamp: the composer pair has none"),
        (("light.places={run}", "light.settings={{feathr: 0.1}}"), ConfigError, "Did you mean 'feather'"),
        (("light.places={run}", "light.settings={{feather: wide}}"), ConfigError, "feather must be a share"),
        (("light.places={run}", "light.composer=cutout", "light.response=film"), ConfigError, r"light\.response"),
        (("light.places={latents}",), ConfigError, "is a run on latents"),
        (("light.places={other}",), WeightsError, "put that file there"),
        (("light.places={cut}",), DataError, "has masks of 1 of 2 units"),
    ],
)
def test_what_the_composer_cannot_use_is_said_before_anything_is_written(
    picture_run: Path,  # noqa: F811
    reference_run: Path,
    tmp_path: Path,
    overrides: tuple[str, ...],
    error: type[Exception],
    words: str,
) -> None:
    cut = tmp_path / "cut"
    if any("{cut}" in each for each in overrides):
        shutil.copytree(picture_run, cut)
        (cut / "manifest/data-00001.json").unlink()
    other = tmp_path / "other"
    if any("{other}" in each for each in overrides):
        shutil.copytree(picture_run, other)
        run = json.loads((other / "run.json").read_text())
        (other / "run.json").write_text(json.dumps({**run, "weights": {**run["weights"], "generator": "0" * 64}}))
    places = {"run": picture_run, "latents": reference_run, "cut": cut, "other": other}
    named = [each.format(**places) for each in overrides]
    source = ("source.kind=pictures", "source.pictures=/nowhere", "light.gains=[1]", "light.composer=pair")
    config = load_config(None, [*source, *named], output=str(tmp_path / "lit"))
    with pytest.raises(error, match=words):
        light(config)
    assert not (tmp_path / "lit").exists()
