"""The table of known checkpoints holds only what can be stood behind, and a name means a file that is there."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch

from higan_cam.config import ScorerConfig, load_config
from higan_cam.errors import ConfigError, WeightsError
from higan_cam.generate import StyleGAN, load_generator
from higan_cam.label import make_scorer, scorer_files
from higan_cam.manipulate import export_npy, load_boundary
from higan_cam.runtime.preflight import condition_files, weights_digests
from higan_cam.runtime.remake import with_recorded_weights
from higan_cam.types import Boundary
from higan_cam.weights.embedded import embedded_path
from higan_cam.weights.files import save_tensors, sha256_of
from higan_cam.weights.zoo import known, path_of, resolve, weights_folder, zoo
from tests.support.generators import small
from tests.support.stand_ins import write_scene_predictor


def test_every_entry_says_what_it_is_and_has_an_https_address_or_a_package_or_the_way_by_hand() -> None:
    assert len(zoo()) > 60
    for checkpoint in zoo().values():
        assert checkpoint.kind in {"generator", "scorer", "boundary", "features", "detector", "segmenter"}
        assert all([checkpoint.about, checkpoint.licence, checkpoint.source])
        assert [checkpoint.url is None, checkpoint.package is None, checkpoint.where == ""].count(False) == 1
        assert checkpoint.url is None or urlsplit(checkpoint.url).scheme == "https"
        assert "{" not in f"{checkpoint.url}{checkpoint.where}{checkpoint.file}"


def test_files_stay_below_the_folder_and_no_two_names_share_one() -> None:
    files = [PurePosixPath(checkpoint.file) for checkpoint in zoo().values()]
    assert len(set(files)) == len(files)
    assert not any(file.is_absolute() or ".." in file.parts for file in files)


def test_what_packages_hold_is_of_one_version_and_pinned() -> None:
    packaged = [checkpoint for checkpoint in zoo().values() if checkpoint.package is not None]
    assert len(packaged) == 5
    for checkpoint in packaged:
        assert checkpoint.package is not None
        assert re.fullmatch(r"[a-z0-9-]+==\d+(\.\d+)+", checkpoint.package.requirement)
        assert checkpoint.package.member in checkpoint.origin
        assert re.fullmatch(r"[0-9a-f]{64}", checkpoint.sha256 or "")


def test_pinned_digests_are_those_of_higans_own_files(shared: Path) -> None:
    pinned = [each for each in zoo().values() if each.sha256 is not None and each.package is None]
    assert len(pinned) == 8
    for checkpoint in pinned:
        data = (shared / checkpoint.file).read_bytes()
        assert hashlib.sha256(data).hexdigest() == checkpoint.sha256


def test_an_unknown_name_is_told_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'stylegan_bedroom'"):
        known("stylegan_bedrom")


def test_the_folder_is_the_one_asked_for_then_the_environments_then_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HIGAN_CAM_WEIGHTS", raising=False)
    assert weights_folder() == Path("weights")
    monkeypatch.setenv("HIGAN_CAM_WEIGHTS", "/models")
    assert weights_folder() == Path("/models")
    assert weights_folder("here") == Path("here")


def test_what_is_no_name_is_a_path() -> None:
    assert resolve("models/my.pth") == Path("models/my.pth")


def test_a_fetched_generator_loads_by_name_and_an_absent_one_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIGAN_CAM_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="higan-cam weights fetch stylegan_bedroom"):
        load_generator("stylegan_bedroom")
    torch.save(small(StyleGAN).float().state_dict(), tmp_path / "stylegan_bedroom256_generator.pth")
    assert load_generator("stylegan_bedroom").num_layers == 8


def test_a_fetched_boundary_loads_by_name_and_an_absent_one_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIGAN_CAM_WEIGHTS", str(tmp_path))
    with pytest.raises(WeightsError, match="higan-cam weights fetch stylegan_bedroom/indoor_lighting"):
        load_boundary("stylegan_bedroom/indoor_lighting")
    normal = np.eye(24, dtype=np.float32)[0]
    path = tmp_path / "boundaries/stylegan_bedroom/indoor_lighting_boundary.npy"
    export_npy(Boundary(normal, 0.0, "w", (6, 7), "indoor_lighting"), path)
    assert load_boundary("stylegan_bedroom/indoor_lighting").layers == (6, 7)
    named = ["boundary.weights=stylegan_bedroom/indoor_lighting", "boundary.conditions=[stylegan_bedroom/wood]"]
    config = load_config(None, named)
    assert condition_files(config) == {0: tmp_path / "boundaries/stylegan_bedroom/wood_boundary.npy"}
    export_npy(Boundary(normal, 0.0, "w", (6, 7), "wood"), condition_files(config)[0])
    assert weights_digests(config)["boundary"] == sha256_of(path)


def test_a_fetched_scorer_loads_by_name_with_the_matrix_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIGAN_CAM_WEIGHTS", str(tmp_path))
    section = ScorerConfig(name="places365", weights="wideresnet18_places365", target="indoor lighting")
    with pytest.raises(WeightsError, match="higan-cam weights fetch wideresnet18_places365"):
        make_scorer(section)
    write_scene_predictor(tmp_path)
    assert make_scorer(section).attribute == "indoor_lighting"
    files = {known("wideresnet18_places365").file, known("wideresnet18_attributes").file}
    assert {path.relative_to(tmp_path).as_posix() for path in scorer_files(section).values()} == files
    assert scorer_files(section)["weights"] == tmp_path / known("wideresnet18_places365").file


def test_every_file_of_the_published_bedrooms_configuration_is_one_that_fetch_knows() -> None:
    config = load_config(embedded_path("configs/bedroom256.yaml"))
    for named in (config.generator.weights, config.scorer.weights, config.boundary.weights):
        assert path_of(str(named)) == weights_folder() / known(str(named)).file
    matrix = scorer_files(config.scorer)["matrix"]
    assert matrix == weights_folder() / known("wideresnet18_attributes").file


def test_a_runs_generator_is_found_by_its_digest_where_its_name_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIGAN_CAM_WEIGHTS", str(tmp_path / "elsewhere"))
    (tmp_path / "moved.pth").write_bytes(b"weights")
    settings = ["generator.weights=stylegan_bedroom", "scorer.name=luminance", "mask.second_scorer=null"]
    run = {"weights": {"generator": sha256_of(tmp_path / "moved.pth")}}
    assert not path_of("stylegan_bedroom").exists()
    found = with_recorded_weights(load_config(None, settings), run, [tmp_path / "moved.pth"])
    assert found.generator.weights == str(tmp_path / "moved.pth")


def test_the_name_of_a_scorer_is_no_generator() -> None:
    with pytest.raises(ConfigError, match=r"generator\.weights: unknown name 'wideresnet18_places365'"):
        load_generator("wideresnet18_places365")


def test_the_output_of_a_training_run_stands_for_the_generator_in_it(tmp_path: Path) -> None:
    output = tmp_path / "mine"
    output.mkdir()
    (output / "checkpoint.pt").touch()
    assert path_of(str(output)) == output
    with pytest.raises(WeightsError, match=r"a folder, not a weights file; name a file in it \(it has checkpoint.pt"):
        load_generator(str(output))
    save_tensors(output / "generator.safetensors", small(StyleGAN).state_dict(), {})
    assert path_of(str(output)) == output / "generator.safetensors"
    assert isinstance(load_generator(str(output)), StyleGAN)
    config = load_config(overrides=[f"generator.weights={output}"])
    assert weights_digests(config)["generator"] == sha256_of(output / "generator.safetensors")
