"""A pipeline's folder before it is loaded: everything that cannot be used is said, with what was found and the fix."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from higan_cam.errors import WeightsError
from higan_cam.relight.composers.pipeline_folders import adapter_file, folder_digest, pipeline_folder

UNET = {"_class_name": "SomePipeline", "unet": ["diffusers", "UNet2DConditionModel"], "safety_checker": [None, None]}


def folder_of(path: Path, index: object = UNET) -> Path:
    """A folder with one part, whose weights are one tensor."""
    (path / "unet").mkdir(parents=True)
    (path / "model_index.json").write_text(json.dumps(index))
    save_file({"weight": torch.zeros(2)}, path / "unet/model.safetensors")
    return path


def pickled_alone(path: Path) -> None:
    (path / "unet/model.safetensors").rename(path / "unet/model.bin")


def pickled_by_another_name(path: Path) -> None:
    torch.save({"weight": torch.zeros(2)}, path / "unet/model.safetensors")


def a_pointer(path: Path) -> None:
    (path / "unet/model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")


def a_level_up(path: Path) -> None:
    inner = path / "snapshot"
    inner.mkdir()
    (path / "model_index.json").rename(inner / "model_index.json")


BROKEN: list[tuple[Callable[[Path], object], str]] = [
    (lambda path: (path / "model_index.json").unlink(), "no model_index.json, found unet; expected a folder that"),
    (a_level_up, "no model_index.json.* did you mean the folder snapshot in it"),
    (lambda path: (path / "model_index.json").write_text("{"), "cannot be read .*expected JSON"),
    (lambda path: (path / "model_index.json").write_text("[]"), "expected a JSON object that names a class"),
    (
        lambda path: (path / "unet/own.py").write_text("1"),
        r"refused, because it brings code of its own \(unet/own.py\)",
    ),
    (lambda path: (path / "unet/model.safetensors").unlink(), "names unet, and there is no folder of that name with"),
    (pickled_alone, r"refused, because unet has its weights as a pickle alone \(model.bin\).*expected .safetensors"),
    (pickled_by_another_name, "a file of torch.save by its beginning; expected safetensors"),
    (a_pointer, "Git LFS pointer"),
]


@pytest.mark.parametrize(("broken", "said"), BROKEN)
def test_a_folder_that_cannot_be_used_says_why(tmp_path: Path, broken: Callable[[Path], object], said: str) -> None:
    path = folder_of(tmp_path / "model")
    broken(path)
    with pytest.raises(WeightsError, match=re.compile(said, re.DOTALL)):
        pipeline_folder(str(path))


def test_a_class_of_the_folders_own_is_refused(tmp_path: Path) -> None:
    path = folder_of(tmp_path / "model", UNET | {"_class_name": ["own", "Pipeline"]})
    with pytest.raises(WeightsError, match=r"code of its own"):
        pipeline_folder(str(path))


def test_a_hubs_name_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"somebody/some-model: no such folder.*nothing is fetched here: download it"
    ):
        pipeline_folder("somebody/some-model")
    with pytest.raises(WeightsError, match=r"no such folder.*check the path"):
        pipeline_folder(str(tmp_path / "absent"))


def test_a_checkpoint_of_one_file_is_told_how_to_become_a_folder(tmp_path: Path) -> None:
    file = folder_of(tmp_path / "model") / "unet/model.safetensors"
    with pytest.raises(WeightsError, match=r"a file, not a folder.*from_single_file"):
        pipeline_folder(str(file))


def test_a_whole_folder_is_told_apart_into_parts_and_options(tmp_path: Path) -> None:
    index = UNET | {"requires_safety_checker": False, "_diffusers_version": "0.1"}
    found = pipeline_folder(str(folder_of(tmp_path / "model", index)))
    assert (found.kind, dict(found.parts), found.absent) == (
        "SomePipeline",
        {"unet": "UNet2DConditionModel"},
        ("safety_checker",),
    )
    assert found.options == {"requires_safety_checker": False}


def test_the_digest_is_of_what_is_in_the_files_not_of_where_they_lie(tmp_path: Path) -> None:
    first, second = (folder_of(tmp_path / name) for name in ("one", "two"))
    assert folder_digest(first) == folder_digest(second)
    save_file({"weight": torch.ones(2)}, second / "unet/model.safetensors")
    assert folder_digest(first) != folder_digest(second)


def test_an_adapter_is_one_file_of_tensors(tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    with pytest.raises(WeightsError, match=r"adapter: .*there is no such file or folder"):
        adapter_file(str(folder))
    folder.mkdir()
    with pytest.raises(WeightsError, match=r"adapter: .*found nothing in it"):
        adapter_file(str(folder))
    (folder / "adapter.bin").write_bytes(b"\x80")
    for path in (folder, folder / "adapter.bin"):
        with pytest.raises(WeightsError, match=r"found (adapter)?\.bin"):
            adapter_file(str(path))
    save_file({"weight": torch.zeros(2)}, folder / "adapter.safetensors")
    assert adapter_file(str(folder)) == folder / "adapter.safetensors"
    (folder / "image_encoder").mkdir()
    (folder / "image_encoder/pytorch_model.bin").write_bytes(b"\x80")
    with pytest.raises(WeightsError, match=r"image_encoder has its weights as a pickle alone"):
        adapter_file(str(folder))
