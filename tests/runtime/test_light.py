"""What `higan-cam light` hands to its workers, which start elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from higan_cam.config import RunConfig, load_config
from higan_cam.relight.translator import save_translator
from higan_cam.relight.translator.network import TranslatorNetwork
from higan_cam.runtime import light, recommend


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
