"""`--config` takes several files, and the package's own by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from higan_cam.config import load_config, read_fields
from higan_cam.config.loading import config_file
from higan_cam.errors import ConfigError
from tests.support.commands import Command

FOLDER = Path(__file__).resolve().parents[2] / "data/configs"


@pytest.mark.parametrize("name", ["attributes", "bedroom256", "faces", "quick"])
def test_an_example_is_found_by_name_from_anywhere(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).mkdir()  # a folder is no configuration
    assert load_config(name) == load_config(FOLDER / f"{name}.yaml")


def test_a_real_file_of_that_name_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quick").write_text("seed: 5\n")
    assert config_file("quick") == Path("quick")
    assert load_config("quick").seed == 5


@pytest.mark.parametrize("name", ["quik", "attribute"])
def test_another_name_gets_the_nearest(name: str) -> None:
    with pytest.raises(ConfigError, match=rf"--config: unknown name '{name}'; known: .*Did you mean"):
        load_config(name)


@pytest.mark.parametrize("path", ["quick.yaml", "./quik", "nowhere/quick"])
def test_a_path_is_a_path(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / path)


def test_files_are_merged_in_order_and_then_overrides(tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("seed: 1\nregions: {eps: 7, top: 5}\n")
    second.write_text("regions: {top: 2}\nedit: {distance: 1}\n")
    config = load_config([first, second], ["edit.distance=2"])
    assert (config.seed, config.regions.eps, config.regions.top, config.edit.distance) == (1, 7.0, 2, 2.0)
    assert load_config([second, first]).regions.top == 5
    assert read_fields([first, second])["regions"] == {"eps": 7, "top": 2}


def test_every_file_is_read_by_the_command_line(higan_cam: Command, tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("seed: 41\n")
    second.write_text("regions: {top: 2}\n")
    _, out, _ = higan_cam("config", "-c", str(first), "-c", str(second), "--config", "quick")
    shown = yaml.safe_load(out)
    assert (shown["seed"], shown["regions"]["top"], shown["output"]) == (41, 2, "runs/quick")


@pytest.mark.parametrize("command", ["run", "label", "fit", "mask", "report", "config", "edit", "doctor"])
def test_a_mistake_in_the_first_of_two_files_is_found(command: str, higan_cam: Command, tmp_path: Path) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    first.write_text("sead: 41\n")
    second.write_text("seed: 2\n")
    way = ["--mix", "0,1"] if command == "edit" else []
    status, _, err = higan_cam(command, "-c", str(first), "-c", str(second), *way)
    assert status == 2
    assert "Did you mean 'seed'?" in err
