"""An upscaler from a file, ours or another's, at any size."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from higan_cam.errors import WeightsError
from higan_cam.redraw.network import UpscalerNetwork
from higan_cam.redraw.to_onnx import onnx_bytes
from higan_cam.redraw.upscaler import as_upscaler, load_upscaler, save_upscaler, upscale
from higan_cam.weights.files import save_tensors
from tests.relight.translator.conftest import picture

Build = Callable[..., UpscalerNetwork]


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (61, 90), (130, 33)])
@pytest.mark.parametrize("scale", [2, 4])
def test_tiles_give_the_picture_of_the_whole(size: tuple[int, int], scale: int, build: Build) -> None:
    upscaler, shown = as_upscaler(build(scale), "area"), picture(*size)
    whole, tiled = (upscale(upscaler, shown, tile=tile) for tile in (1024, 18))
    assert whole.shape == (scale * size[0], scale * size[1], 3)
    assert whole.dtype == np.uint8
    assert np.abs(whole.astype(int) - tiled).max() <= 1


def test_a_file_gives_the_upscaler_back(build: Build, tmp_path: Path) -> None:
    network, shown = build(4), picture(24, 17)
    for place in ("one", "two"):
        save_upscaler(tmp_path / place, network, "bicubic")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    read = load_upscaler(tmp_path / "one")
    assert (read.scale, read.kernel, read.reach) == (4, "bicubic", network.reach)
    made = upscale(as_upscaler(network, "bicubic"), shown)
    assert np.abs(upscale(read, shown).astype(int) - made).max() <= 1  # 16-bit weights


def test_what_is_no_upscaler_is_refused_by_name(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match=r"none\.safetensors"):
        load_upscaler(tmp_path / "none.safetensors")
    network = build()
    network.last.weight[0, 0, 0, 0] = float("nan")
    save_upscaler(tmp_path / "diverged", network, "area")
    with pytest.raises(WeightsError, match=r"diverged: not an upscaler \(last\.weight .*finite"):
        load_upscaler(tmp_path / "diverged")
    save_tensors(tmp_path / "theirs", {"a": torch.zeros(2)}, {})
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(WeightsError, match=r"theirs: .*pip install 'higan-cam\[upscale\]'"):
        load_upscaler(tmp_path / "theirs")


@pytest.mark.parametrize("wrapper", [None, "params", "params_ema"])
def test_a_published_network_enlarges_as_spandrel_does(wrapper: str | None, tmp_path: Path) -> None:
    """SRVGGNetCompact, of Real-ESRGAN's small models, at random weights, bare or as BasicSR saves it."""
    pytest.importorskip("spandrel", reason="spandrel, which reads networks of others, is an optional extra")
    from spandrel.architectures.Compact.__arch.SRVGG import SRVGGNetCompact

    torch.manual_seed(0)
    network = SRVGGNetCompact(num_feat=8, num_conv=2, upscale=4).eval()
    state = network.state_dict()
    torch.save(state if wrapper is None else {wrapper: state, **_other(wrapper, state)}, tmp_path / "theirs.pth")
    upscaler, shown = load_upscaler(tmp_path / "theirs.pth"), picture(21, 34)
    assert upscaler.scale == 4
    with torch.no_grad():
        theirs = network(torch.from_numpy(shown).permute(2, 0, 1)[None].float() / 255)[0].permute(1, 2, 0).numpy()
    for tile in (256, 16):
        found = upscale(upscaler, shown, tile=tile)
        assert np.abs(found / 255 - theirs.clip(0, 1)).max() <= 0.51 / 255 + 1e-5


def _other(wrapper: str, state: dict[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    return {"params": {key: value + 1 for key, value in state.items()}} if wrapper == "params_ema" else {}


def test_weights_that_spandrel_does_not_know_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("spandrel", reason="spandrel, which reads networks of others, is an optional extra")
    save_tensors(tmp_path / "theirs", {"a": torch.zeros(2)}, {})
    with pytest.raises(WeightsError, match=r"theirs: neither a file of .* nor an architecture that spandrel knows"):
        load_upscaler(tmp_path / "theirs")


@pytest.mark.parametrize("scale", [2, 4])
def test_onnx_runtime_draws_the_same_picture(scale: int, build: Build) -> None:
    runtime = pytest.importorskip("onnxruntime")
    network = build(scale)
    body = onnx_bytes(network, "area")
    assert body == onnx_bytes(network, "area")
    session = runtime.InferenceSession(body, providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map == {"scale": str(scale), "kernel": "area"}
    for size in ((1, 3), (40, 24)):
        image = np.stack([picture(*size), 255 - picture(*size)]).transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1
        (found,) = session.run(["large"], {"image": image})
        np.testing.assert_allclose(found, network(torch.from_numpy(image)).numpy(), atol=1e-5)
