"""The ONNX file against ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from higan_cam.generate.images import from_uint8
from higan_cam.relight.translator import Translator
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
