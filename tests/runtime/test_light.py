"""What `higan-cam light` hands to its workers, which start elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from higan_cam.config import RunConfig, load_config
from higan_cam.errors import ConfigError
from higan_cam.pictures import freeze_listing
from higan_cam.relight.translator import save_translator
from higan_cam.relight.translator.network import TranslatorNetwork
from higan_cam.runtime import light, recommend
from higan_cam.store import open_store
from tests.support.pictures import pixels, saved


@pytest.mark.parametrize("named", ["lamps.safetensors", "rooms", "{here}/lamps.safetensors"])
def test_a_translators_file_is_named_absolutely_and_an_embedded_one_as_it_is(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path.resolve()
    save_translator(here / "lamps.safetensors", TranslatorNetwork((8, 8)), 32, "film", "lamps")
    monkeypatch.chdir(here)
    handed = list[RunConfig]()
    monkeypatch.setattr(light, "on_listed_pictures", lambda config, *_, **__: handed.append(config))
    settings = f"light.settings={{weights: {named.format(here=here)}, side: 32}}"
    light.light(load_config(None, ["light.gains=[1]", "light.composer=translator", settings], output=str(here / "lit")))
    weights = "rooms" if named == "rooms" else str(here / "lamps.safetensors")
    assert handed[0].light.settings == {"weights": weights, "side": 32}


def test_what_another_command_would_enlarge_is_none_of_lights_or_recommends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed = list[RunConfig]()
    for command in (light, recommend):
        monkeypatch.setattr(command, "on_listed_pictures", lambda config, *_, **__: handed.append(config))
    config = load_config(None, ["light.gains=[1]", "upscale.weights=m.safetensors"], output=str(tmp_path / "out"))
    light.light(config)
    recommend.recommend(config)
    assert [each.upscale.weights for each in handed] == [None, None]


def test_a_pipelines_folder_is_named_absolutely(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path.resolve()
    monkeypatch.chdir(here)
    said = ["light.gains=[1]", "light.composer=diffusion", "light.settings={folder: pipe, steps: 3}"]
    found = light._from_here(load_config(None, said)).light.settings
    assert found == {"folder": str(here / "pipe"), "steps": 3}


def test_masks_are_asked_for_the_pictures_that_will_be_lit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for those beyond the limit, nor for what has come into the folder since the output was begun."""
    handed = list[RunConfig]()
    monkeypatch.setattr(light, "on_listed_pictures", lambda config, *_, **__: handed.append(config))
    for name in ("pictures/a.png", "pictures/b.png", "masks/a.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(saved(pixels(0)))
    places = [f"source.pictures={tmp_path / 'pictures'}", "source.kind=pictures", f"light.masks={tmp_path / 'masks'}"]
    config = load_config(None, [*places, "light.gains=[1]"], output=str(tmp_path / "lit"))
    with pytest.raises(ConfigError, match=r"no mask for b\.png"):
        light.light(config)
    light.light(config.model_copy(update={"source": config.source.model_copy(update={"limit": 1})}))
    (tmp_path / "pictures/b.png").unlink()
    freeze_listing(open_store(config.output), str(config.source.pictures))
    (tmp_path / "pictures/b.png").write_bytes(saved(pixels(1)))
    light.light(config)
    assert [each.source.limit for each in handed] == [1, None]
