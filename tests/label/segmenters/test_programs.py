"""Segmenters in a user's files: ONNX and TorchScript, with label maps in the file or by name."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from higan_cam.errors import ConfigError, WeightsError
from higan_cam.label.segmenters import load_segmenter
from higan_cam.label.segmenters.network_segmenter import NetworkSegmenter, Settings
from higan_cam.mask.student.to_onnx import Graph

SETTINGS = json.dumps({"label_map": "0,1,10", "expects": "unit"})


class Channels(nn.Module):
    """Class c where channel c is strongest: its logits are the channels times 9."""

    def forward(self, x: Tensor) -> Tensor:
        return 9 * x


@pytest.fixture(scope="module")
def picture() -> Tensor:
    """(3,3,8,8): one red, one green, one blue."""
    return (2 * torch.eye(3)[:, :, None, None] - 1).expand(3, 3, 8, 8)


def script(path: Path, settings: str | None = SETTINGS) -> Path:
    with warnings.catch_warnings(action="ignore"):  # torch would rather have them written in other ways
        module = torch.jit.trace(Channels(), torch.zeros(1, 3, 8, 8))
        torch.jit.save(module, str(path), _extra_files={} if settings is None else {"settings": settings})
    return path


def onnx(
    path: Path, settings: str | None = SETTINGS, batch: int | str = "n", side: int | str = "s", channels: int = 3
) -> Path:
    pytest.importorskip("onnx", reason="onnx is an extra")
    pytest.importorskip("onnxruntime", reason="onnx is an extra")
    graph = Graph()
    graph.add("Mul", "image", graph.constant(np.array(9, np.float32)), outputs=("logits",))
    shapes: list[int | str] = [batch, channels, side, side]
    notes = {} if settings is None else {"settings": settings}
    path.write_bytes(graph.model("channels", {"image": shapes}, {"logits": shapes}, notes))
    return path


KINDS = {"mine.pt": script, "mine.onnx": onnx}


@pytest.mark.parametrize("name", KINDS)
def test_a_file_says_itself_what_its_classes_are(name: str, tmp_path: Path, picture: Tensor) -> None:
    found = load_segmenter(str(KINDS[name](tmp_path / name))).segment(picture)
    assert [int(labels.unique()) for labels in found.labels] == [0, 1, 10]
    torch.testing.assert_close(found.shares.sum(1), torch.ones(3, 8, 8))
    torch.testing.assert_close(found.crop, (picture + 1) / 2)
    assert found.problems == ("", "", "")


@pytest.mark.parametrize("name", KINDS)
def test_a_label_map_may_be_named_behind_the_file(name: str, tmp_path: Path, picture: Tensor) -> None:
    path = KINDS[name](tmp_path / name, None)
    found = load_segmenter(f"{path}#4,5,6").segment(picture)
    assert [int(labels.unique()) for labels in found.labels] == [4, 5, 6]
    with pytest.raises(WeightsError, match="#lapa"):
        load_segmenter(str(path))


@pytest.mark.parametrize("name", KINDS)
def test_a_label_map_of_other_classes_is_told_with_the_shapes(name: str, tmp_path: Path, picture: Tensor) -> None:
    segmenter = load_segmenter(f"{KINDS[name](tmp_path / name)}#lapa")
    with pytest.raises(WeightsError, match="'lapa' has 11 classes"):
        segmenter.segment(picture)


def test_fixed_batches_and_sides_of_an_onnx_file_are_kept_to(tmp_path: Path, picture: Tensor) -> None:
    segmenter = load_segmenter(str(onnx(tmp_path / "two.onnx", batch=2, side=16)))
    found = segmenter.segment(picture)
    assert found.labels.shape == (3, 16, 16)
    assert [int(labels.unique()) for labels in found.labels] == [0, 1, 10]


def test_torchscript_is_differentiable(tmp_path: Path, picture: Tensor) -> None:
    image = (picture / 9).requires_grad_()
    load_segmenter(str(script(tmp_path / "mine.pt"))).segment(image).shares[:, 10].sum().backward()
    assert image.grad is not None
    assert float(image.grad[1, 2].abs().sum()) > 1e-3


def test_a_detector_may_be_named_too(tmp_path: Path, picture: Tensor) -> None:
    path = script(tmp_path / "mine.pt")
    assert isinstance(load_segmenter(f"{path}#whole"), NetworkSegmenter)
    with pytest.raises(ConfigError, match="detector: unknown name 'lapa'"):
        load_segmenter(f"{path}#0,1,10+lapa")


@pytest.mark.parametrize(
    ("settings", "said"),
    [("{", "does not say"), ('{"label_map": "lappa"}', "lapa"), ('{"label_map": "lapa", "expects": "bgr"}', "bgr")],
)
def test_wrong_settings_are_told_with_the_file(settings: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=rf"(?s)mine\.pt.*{said}"):
        load_segmenter(str(script(tmp_path / "mine.pt", settings)))


def test_a_damaged_onnx_file_is_told(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="onnx is an extra")
    (tmp_path / "mine.onnx").write_bytes(b"\x08\x08nothing")
    with pytest.raises(WeightsError, match=r"mine\.onnx: not a usable ONNX file"):
        load_segmenter(str(tmp_path / "mine.onnx"))


def test_an_onnx_file_that_does_not_take_colours_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"grey\.onnx: takes image \['n', 1, .*expected one float32 input"):
        load_segmenter(str(onnx(tmp_path / "grey.onnx", channels=1)))


def test_what_an_onnx_file_cannot_run_on_is_told_with_the_file(tmp_path: Path, picture: Tensor) -> None:
    pytest.importorskip("onnx", reason="onnx is an extra")
    pytest.importorskip("onnxruntime", reason="onnx is an extra")
    graph = Graph()
    graph.add("Add", "image", graph.constant(np.zeros((1, 3, 5, 5), np.float32)), outputs=("logits",))
    shapes: list[int | str] = ["n", 3, "h", "w"]
    path = tmp_path / "five.onnx"
    path.write_bytes(graph.model("five", {"image": shapes}, {"logits": shapes}, {"settings": SETTINGS}))
    with pytest.raises(WeightsError, match=r"five\.onnx: cannot run on pictures \(3, 3, 8, 8\)"):
        load_segmenter(str(path)).segment(picture)


def test_batches_of_an_onnx_file_are_filled_up_only_where_it_wants_them_so(tmp_path: Path, picture: Tensor) -> None:
    """A map that has as many rows as pictures were shown."""
    pytest.importorskip("onnx", reason="onnx is an extra")
    pytest.importorskip("onnxruntime", reason="onnx is an extra")
    graph = Graph()
    graph.add("Transpose", "image", outputs=("logits",), perm=[2, 1, 0, 3])
    path = tmp_path / "turned.onnx"
    names: list[int | str] = ["n", 3, "h", "w"]
    path.write_bytes(graph.model("turned", {"image": names}, {"logits": ["h", 3, "n", "w"]}, {"settings": SETTINGS}))
    segmenter = load_segmenter(str(path))
    assert isinstance(segmenter, NetworkSegmenter)
    assert segmenter.network(picture[:, :, :3]).shape == (3, 3, 3, 8)


def test_a_program_that_gives_no_map_is_told(picture: Tensor) -> None:
    segmenter = NetworkSegmenter(lambda seen: (seen, seen), Settings("0,1,10"), "two.pt")  # type: ignore[arg-type,return-value]
    with pytest.raises(WeightsError, match=r"two\.pt: gives a tuple"):
        segmenter.segment(picture)


def test_a_file_that_holds_no_weights_is_told_before_a_detector_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("my segmenter")
    with pytest.raises(WeightsError, match=r"mine\.txt: (?!.*mtcnn)"):
        load_segmenter(str(tmp_path / "mine.txt"))
