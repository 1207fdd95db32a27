"""The ONNX file against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from higan_cam.generate.images import from_uint8
from higan_cam.relight.translator import Translator, load_translator
from higan_cam.relight.translator.network import Block
from higan_cam.relight.translator.to_onnx import onnx_bytes
from tests.relight.translator.conftest import picture

Build = Callable[..., Translator]


@pytest.mark.parametrize("norm", ["group", "instance"])
@pytest.mark.parametrize(("condition", "dial"), [(True, False), (False, True), (True, True)])
def test_onnx_runtime_draws_the_same_light(norm: str, condition: bool, dial: bool, build: Build) -> None:
    runtime = pytest.importorskip("onnxruntime")
    translator = build(norm=norm, condition=condition, dial=dial)
    for block in translator.network.modules():
        if isinstance(block, Block) and block.dial is not None:
            block.dial.weight.data.normal_()
    body = onnx_bytes(translator)
    assert body == onnx_bytes(translator)
    session = runtime.InferenceSession(body, providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map == {"multiple": "4", "response": "film", "side": "16"}
    for size in ((16, 16), (40, 24)):
        images = from_uint8(np.stack([picture(*size), 255 - picture(*size)]))
        masks, gains = (images[:, :1] > 0.5).float(), torch.tensor([0.3, 1.7])
        with torch.no_grad():
            light = translator.network(images, masks if condition else None, gains if dial else None).numpy()
        given = {"image": images, **({"mask": masks} if condition else {}), **({"gain": gains} if dial else {})}
        (found,) = session.run(["light"], {name: value.numpy() for name, value in given.items()})
        np.testing.assert_allclose(found, light, atol=1e-4)


@pytest.mark.parametrize(("side", "bound"), [(128, 1e-4), (256, 5e-4)])
def test_a_black_picture_is_drawn_less_exactly_when_it_is_large(side: int, bound: float) -> None:
    """By the network that ships. It is ONNX Runtime that is off: the network agrees with itself in 64 bits."""
    runtime = pytest.importorskip("onnxruntime")
    translator = load_translator("rooms")
    session = runtime.InferenceSession(onnx_bytes(translator), providers=["CPUExecutionProvider"])
    image, mask = torch.full((1, 3, side, side), -1.0), torch.zeros(1, 1, side, side)
    mask[..., side // 2 : side // 2 + side // 8, side // 4 : side // 4 + side // 8] = 1
    with torch.no_grad():
        light = translator.network(image, mask).numpy()
        exact = translator.network.double()(image.double(), mask.double()).numpy()
    (found,) = session.run(["light"], {"image": image.numpy(), "mask": mask.numpy()})
    assert np.abs(found - light).max() <= bound
    assert np.abs(light - exact).max() <= 1e-5
