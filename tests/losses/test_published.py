"""The losses against published implementations, with regenerated weights (shared/reference2, section 4)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from higan_cam.losses import Parts, face_crop, make_losses, make_profile, normalised_noise
from higan_cam.losses.backbones import Arch, as_unit
from higan_cam.losses.features import feature_distances, layers_of
from higan_cam.losses.networks import FEATURES, PERCEPTUAL, Networks
from higan_cam.losses.noise import noise_regulariser
from higan_cam.losses.pictures import colour, pixel, total_variation, total_variation_sum
from tests.losses.networks import drawn_trunk, scale_of, write_files
from tests.support.reference2 import checked, draw, signed_picture


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    if not (shared / "reference2").is_dir():
        pytest.skip("reference data absent: no ../shared/reference2 beside the checkout")
    return shared / "reference2"


@pytest.fixture(scope="module")
def recorded(folder: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((folder / "losses.json").read_text())
    return values


@pytest.fixture(scope="module")
def arrays(folder: Path) -> dict[str, Tensor]:
    with np.load(folder / "losses.npz", allow_pickle=False) as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files}


@pytest.fixture(scope="module")
def vgg16(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """VGG16 alone."""
    record = json.loads((folder / "weights_vgg16_features.json").read_text())
    tensors = drawn_trunk("vgg16")
    for key, entry in record.items():
        checked(key, tensors[f"features.{key}"], entry["crc32"])
    return Parts(files=write_files(tmp_path_factory.mktemp("vgg16"), {"vgg16": tensors}))


def lpips_tensors(folder: Path, arch: Arch, name: str) -> dict[str, dict[str, Tensor]]:
    """The backbone of LPIPS and its heads, checked; the package's two names of a head were drawn apart."""
    record = json.loads((folder / "weights_lpips.json").read_text())
    slices = {f"features.{key.split('.', 3)[3]}": key for key in record if key.startswith(f"{name}.net.")}
    trunk = drawn_trunk(arch)
    assert slices.keys() == trunk.keys()
    for torchvisions, key in slices.items():
        like = trunk[torchvisions]
        trunk[torchvisions] = checked(key, draw(key, like.shape) * scale_of(like), record[key]["crc32"])
    heads = {}
    for key, entry in record.items():
        if key.startswith(f"{name}.lin"):
            head = draw(key, entry["shape"]).abs() * torch.tensor(1 / entry["shape"][1])
            heads[key.removeprefix(f"{name}.")] = checked(key, head, entry["crc32"])
    return {arch: trunk, name: heads}


@pytest.fixture(scope="module")
def alex(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Parts:
    tensors = lpips_tensors(folder, "alexnet", "lpips_alex")
    return Parts(files=write_files(tmp_path_factory.mktemp("lpips_alex"), tensors))


@pytest.fixture(scope="module")
def vgg(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Parts:
    tensors = lpips_tensors(folder, "vgg16", "lpips_vgg")
    return Parts(files=write_files(tmp_path_factory.mktemp("lpips_vgg"), tensors))


def close(found: Tensor, expected: Any, rel: float) -> None:
    torch.testing.assert_close(found.double(), torch.as_tensor(expected).double(), rtol=rel, atol=1e-12)


def ramped(sizes: list[int]) -> list[Tensor]:
    return [draw(f"noise/{i}", (1, 1, size, size)) + torch.linspace(0, 1, size) * 0.5 for i, size in enumerate(sizes)]


def test_noise_regulariser(recorded: dict[str, Any]) -> None:
    record = recorded["noise_regularize"]
    maps = [draw(f"noise/{i}", (1, 1, size, size)) for i, size in enumerate(record["sizes"])]
    close(noise_regulariser(maps)[0], record["hash_noise"], 1e-4)
    close(torch.cat([noise_regulariser([each]) for each in maps]), record["per_tensor"], 1e-4)
    moved = ramped(record["sizes"])
    close(noise_regulariser(moved)[0], record["ramped"], 1e-4)
    close(torch.cat([noise_regulariser([each]) for each in moved]), record["ramped_per_tensor"], 1e-4)


def test_noise_regulariser_of_a_batch(recorded: dict[str, Any]) -> None:
    """The published mean runs over the batch as well: there, three pictures are three channels of one."""
    maps = [draw(f"noiseb/{i}", (3, 1, size, size)) for i, size in enumerate((4, 8, 16, 32))]
    of_one = [each.transpose(0, 1) for each in maps]
    close(noise_regulariser(of_one)[0], recorded["noise_regularize"]["batch_of_3_sizes_4_8_16_32"], 1e-4)


def test_noise_regulariser_of_ones_counts_scales(recorded: dict[str, Any]) -> None:
    ones = [noise_regulariser([torch.ones(1, 1, side, side)]).item() for side in (4, 8, 16, 32)]
    assert ones == recorded["noise_regularize"]["constant_ones"]


def test_gradient_of_the_noise_regulariser(recorded: dict[str, Any], arrays: dict[str, Tensor]) -> None:
    maps = [each.requires_grad_() for each in ramped(recorded["noise_regularize"]["sizes"])]
    gradients = torch.autograd.grad(noise_regulariser(maps).sum(), maps)
    for number in (0, 3, 7):
        every = max(1, gradients[number].shape[-1] // 16)
        expected = arrays[f"noise_grad_{number}"]
        scale = expected.abs().max().item()
        torch.testing.assert_close(gradients[number][0, 0, ::every, ::every], expected, rtol=1e-4, atol=1e-4 * scale)


def test_noise_is_normalised(recorded: dict[str, Any], arrays: dict[str, Tensor]) -> None:
    before = ramped(recorded["noise_regularize"]["sizes"])
    after = normalised_noise(before)
    for name, maps in (("mean_std_before", before), ("mean_std_after", after)):
        found = torch.tensor([[each.mean(), each.std()] for each in maps])
        torch.testing.assert_close(found, torch.tensor(recorded["noise_normalize"][name]), atol=1e-5, rtol=0)
    torch.testing.assert_close(after[5][0, 0], arrays["noise_normalized_5"], atol=1e-5, rtol=0)


@pytest.mark.parametrize("number", range(4))
def test_total_variation_colour_and_mean_square(recorded: dict[str, Any], number: int) -> None:
    record = recorded["total_variation"][number]
    shown, other = (signed_picture(record[name], record["size"]) for name in ("params", "other_params"))
    close(total_variation_sum(shown)[0] / 2, record["sum_01"], 1e-5)
    close(total_variation(shown)[0] / 2, record["mean_01"], 1e-5)
    close(total_variation(shown)[0], record["mean_pm1"], 1e-5)
    close(colour(shown, other)[0] / 4, record["color_loss_01"], 1e-5)
    close(pixel(shown, other)[0] / 4, record["mse_01"], 1e-5)


def test_total_variation_of_a_batch(recorded: dict[str, Any]) -> None:
    record = recorded["total_variation"][4]
    batch = draw(record["key"], record["shape"])
    close(total_variation_sum(batch).sum(), record["sum"], 1e-5)
    close(total_variation(batch).mean(), record["mean"], 1e-5)


LARGE = pytest.mark.slow
"""Pictures that take some seconds."""


@pytest.mark.parametrize("number", [0, pytest.param(1, marks=LARGE), pytest.param(2, marks=LARGE)])
def test_image2stylegan(vgg16: Parts, recorded: dict[str, Any], arrays: dict[str, Tensor], number: int) -> None:
    record = recorded["image2stylegan"][number]
    size = record["size"]
    target = signed_picture(record["target_params"], size)
    raw = (1.25 * signed_picture(record["generated_params"], size)).requires_grad_()
    total, terms = make_profile("image2stylegan", vgg16)(raw, target)
    (gradient,) = torch.autograd.grad(total.sum(), raw)
    close(terms["pixel"][0].detach() / 4, record["mse"], 1e-4)
    close(terms["features:vgg16_image2stylegan"][0].detach(), record["perceptual"], 1e-4)
    close(total[0].detach(), record["total"], 1e-4)
    close(gradient.norm(), record["gradient_norm_raw_image"], 1e-4)
    # Not in every pixel: in flat parts VGG16's maxima tie and its units are 0, and rounding decides where the gradient
    # goes (of 512 px, pictures moved by 1e-7 differ by as much as the reference, 2.7e-3 of its length).
    expected, found = arrays[f"i2s_{size}_grad"], gradient[0, :, :: size // 16, :: size // 16]
    assert (found - expected).norm() < 5e-3 * expected.norm()
    assert ((found - expected).abs() < 1e-4 * expected.abs().max()).double().mean() > 0.95
    assert not gradient[raw.abs() > 1].any()


def test_layers_of_image2stylegan(vgg16: Parts, recorded: dict[str, Any], arrays: dict[str, Tensor]) -> None:
    record = recorded["image2stylegan"][0]
    features = FEATURES["vgg16_image2stylegan"](Networks(vgg16))
    generated = layers_of(features, (1.25 * signed_picture(record["generated_params"], 64)).clamp(-1, 1))
    target = layers_of(features, signed_picture(record["target_params"], 64))
    distances = feature_distances(generated, target)
    close(distances[0], record["per_layer"], 1e-4)
    for layer, name in ((0, "relu1_1"), (3, "relu4_2")):
        close(generated[layer].mean(dim=(2, 3))[0], arrays[f"i2s_64_{name}_mean"], 1e-4)


@pytest.mark.parametrize("number", [0, 1, pytest.param(2, marks=LARGE)])
@pytest.mark.parametrize("name", ["alex", "vgg"])
def test_lpips(request: pytest.FixtureRequest, recorded: dict[str, Any], name: str, number: int) -> None:
    record, one, other = pair(recorded, number)
    lpips = PERCEPTUAL[name](Networks(request.getfixturevalue(name)))
    layers = lpips.distances(lpips.features(one), lpips.features(other))[0]
    close(layers, record[f"lpips_{name}_layers"], 1e-4)
    close(layers.sum(), record[f"lpips_{name}_pm1"], 1e-4)


def test_lpips_of_pictures_in_another_range(vgg: Parts, recorded: dict[str, Any]) -> None:
    record, one, other = pair(recorded, 0)
    lpips = replace(PERCEPTUAL["vgg"](Networks(vgg)), prepare=as_unit)
    found = lpips.distances(lpips.features(one), lpips.features(other)).sum()
    close(found, record["lpips_vgg_01_as_the_notebook_feeds_it"], 1e-4)


@pytest.mark.parametrize("number", [0, 1, pytest.param(2, marks=LARGE)])
def test_encoder_notebook(vgg16: Parts, alex: Parts, recorded: dict[str, Any], number: int) -> None:
    record, one, other = pair(recorded, number)
    total, terms = make_profile("encoder_notebook", Parts(files={**vgg16.files, **alex.files}))(other, one)
    close(terms["features:vgg16_relu3_3_of_unit"][0], record["vgg_perceptual_01_unnormalised"], 1e-4)
    close(terms["lpips:alex_of_unit"][0], record["lpips_alex_01_as_the_notebook_feeds_it"], 1e-4)
    close(total[0], record["notebook_total_a_is_input_b_is_generated"], 1e-4)


@pytest.mark.parametrize("number", [0, 1, pytest.param(2, marks=LARGE)])
def test_vgg16_under_imagenets_normalisation(vgg16: Parts, recorded: dict[str, Any], number: int) -> None:
    record, one, other = pair(recorded, number)
    total, _ = make_losses({"features:vgg16_relu3_3": 1}, vgg16)(one, other)
    close(total[0], record["vgg_perceptual_pm1_imagenet"], 1e-4)


@pytest.mark.parametrize("number", range(4))
def test_identity_and_distance_of_codes_as_styleclip_has_them(recorded: dict[str, Any], number: int) -> None:
    record = recorded["styleclip"][number]
    size = record["size"]
    projection = draw("id/image", (32, 147)) / 147**0.5

    def identity(shown: Tensor) -> Tensor:
        embedded: Tensor = F.adaptive_avg_pool2d(face_crop(shown), 7).flatten(1) @ projection.T
        return embedded

    start = draw("styleclip/latent0", (1, 6, 16))
    original, edited = (signed_picture(record[f"{name}_params"], size) for name in ("original", "edited"))
    losses = make_losses({"identity": 1, "code_sum": 1}, Parts(identity=identity))
    _, terms = losses(edited, original, w_plus=start + 0.2 * draw(f"styleclip/delta{size}", (1, 6, 16)), start=start)
    close(terms["identity"][0], record["id_loss"], 1e-5)
    close(terms["code_sum"][0], record["l2_sum_of_squares"], 1e-5)


def pair(recorded: dict[str, Any], number: int) -> tuple[dict[str, Any], Tensor, Tensor]:
    record = recorded["perceptual"][number]
    return record, *(signed_picture(record[f"{name}_params"], record["size"]) for name in "ab")
