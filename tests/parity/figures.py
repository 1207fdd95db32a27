"""How far each layout's network is from its reference: one figure a layout, for the table of this folder's README.

Where numbers of the published code were recorded, those are the reference; elsewhere the slow forward passes that the
tests hold the fast ones against, which share nothing with the package (`tests/generate/references.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

from higan_cam.generate import DCGAN, PGGAN, StyleGAN, StyleGAN2
from higan_cam.generate.loading import generator_from_tensors
from higan_cam.label import load_places365_resnet18
from higan_cam.label.places365 import MATRIX_FILE
from tests.generate.layouts.test_rosinality import drawn_state
from tests.generate.references import dcgan_image, pggan_image, rosinality_codes, rosinality_image
from tests.generate.test_loading import as_genforce, pggan_as_genforce
from tests.generate.test_stylegan2 import reference as stylegan2_image
from tests.parity.hash_weights import hash_weights, write_places365
from tests.parity.test_classifier import prepared, scene_prepared
from tests.support.generators import small, small_latent

RECORDED, EQUATIONS = "recorded from the published code", "the equations, slowly"


@dataclass(frozen=True)
class Deviation:
    """Of a network with the file's tensors from its reference.

    Attributes:
        keys: tensors in the file.
        picture: what is compared.
        largest: difference, absolute.
        scale: largest value of the reference.
        tolerance: on `largest`.
    """

    keys: int
    reference: str
    picture: str
    largest: float
    scale: float
    tolerance: float


def deviation(
    state: Mapping[str, Any], about: tuple[str, str], found: Any, expected: Any, tolerance: float
) -> Deviation:
    """`tolerance` is relative to the reference's largest value where that is the equations', else absolute."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    scale = float(np.abs(expected).max())
    limit = tolerance * scale if about[0] == EQUATIONS else tolerance
    return Deviation(len(state), *about, float(np.abs(found - expected).max()), scale, limit)


def higan_stylegan(parity: Path) -> Deviation:
    return _stylegan(parity, _bedroom(parity))


def genforce_stylegan(parity: Path) -> Deviation:
    """The same tensors under GenForce's names, by the map that was verified between the two."""
    higan = _bedroom(parity)
    entries = json.loads((parity / "statedict_map_genforce_higan_stylegan256.json").read_text())["entries"]
    axes = {each["genforce"]: each["higan_to_genforce_permute"] for each in entries}
    named = {each["genforce"]: higan[each["higan"]] for each in entries}
    return _stylegan(parity, {key: value.permute(axes[key]) if axes[key] else value for key, value in named.items()})


def higan_stylegan2(_: Path) -> Deviation:
    generator = small(StyleGAN2)
    return _stylegan2({k: v.float() for k, v in generator.state_dict().items() if k != "truncation.truncation"})


def genforce_stylegan2(_: Path) -> Deviation:
    return _stylegan2(as_genforce(small(StyleGAN2)))


def rosinality(_: Path) -> Deviation:
    state = drawn_state()
    z, mean = _latents(state["style.1.weight"].shape[1]), torch.ones(state["style.1.weight"].shape[1])
    exact = {key: value.double() for key, value in state.items()}
    w = rosinality_codes(exact, z.double())
    found = _drawn({**state, "latent_avg": mean}, z, truncation_psi=0.6, truncation_layers=8)
    return deviation(state, (EQUATIONS, "32 px"), found, rosinality_image(exact, mean + 0.6 * (w - mean)), 1e-5)


def higan_pggan(_: Path) -> Deviation:
    generator = small_latent(PGGAN)
    return _latent({k: v.float() for k, v in generator.state_dict().items()}, generator.state_dict(), pggan_image)


def genforce_pggan(_: Path) -> Deviation:
    generator = small_latent(PGGAN)
    return _latent(pggan_as_genforce(generator), generator.double().state_dict(), pggan_image)


def dcgan(_: Path) -> Deviation:
    state = small_latent(DCGAN).state_dict()
    floats = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    return _latent(floats, state, dcgan_image, shrunk=0.2)


def places365(parity: Path) -> Deviation:
    with TemporaryDirectory() as folder, torch.inference_mode():
        network = load_places365_resnet18(write_places365(parity, Path(folder)))
        logits = network(torch.stack([prepared(image) for image in _pictures(parity)]))
    about = (RECORDED, "365 logits of 3 pictures")
    return deviation(network.state_dict(), about, logits, _arrays(parity, "classifier")["a_logits"], 1e-4)


def scene_predictor(parity: Path) -> Deviation:
    with TemporaryDirectory() as folder, torch.inference_mode():
        path = write_places365(parity, Path(folder))
        network = load_places365_resnet18(path, wide=True)
        found = network.features(scene_prepared(_pictures(parity))).numpy() @ np.load(path.with_name(MATRIX_FILE)).T
    about = (RECORDED, "102 attributes of 3 pictures")
    return deviation(network.state_dict(), about, found, _arrays(parity, "classifier")["b_attribute"], 1e-4)


FIGURES: dict[str, Callable[[Path], Deviation]] = {
    "HiGAN StyleGAN": higan_stylegan,
    "GenForce StyleGAN": genforce_stylegan,
    "HiGAN StyleGAN2": higan_stylegan2,
    "GenForce StyleGAN2": genforce_stylegan2,
    "rosinality StyleGAN2": rosinality,
    "HiGAN PGGAN": higan_pggan,
    "GenForce PGGAN": genforce_pggan,
    "PyTorch example's DCGAN": dcgan,
    "Places365 ResNet18": places365,
    "HiGAN scene predictor": scene_predictor,
}


def _bedroom(parity: Path) -> dict[str, Tensor]:
    """HiGAN's file: hash weights and the network's constants."""
    state = {**StyleGAN().state_dict(), **hash_weights(parity)}
    return {key: value for key, value in state.items() if key != "truncation.truncation"}


def _stylegan(parity: Path, state: Mapping[str, Tensor]) -> Deviation:
    recorded = _arrays(parity, "stylegan_forward")
    found = _drawn(state, torch.from_numpy(recorded["z"]))
    return deviation(state, (RECORDED, "3 pictures of 256 px"), found, recorded["image"], 2e-4)


def _stylegan2(state: Mapping[str, Tensor]) -> Deviation:
    generator = small(StyleGAN2)
    z = _latents(16)
    expected = stylegan2_image(generator.state_dict(), generator.truncate(generator.map(z.double()))[:, -1], 7)
    found = _drawn(state, z, truncation_psi=1.0, truncation_layers=0)
    return deviation(state, (EQUATIONS, "32 px"), found, expected, 1e-5)


def _latent(
    state: Mapping[str, Tensor],
    exact: Mapping[str, Tensor],
    image: Callable[[Mapping[str, Tensor], Tensor], Tensor],
    shrunk: float = 1.0,
) -> Deviation:
    z = shrunk * _latents(16)
    return deviation(state, (EQUATIONS, "32 px"), _drawn(state, z), image(exact, z.double()), 1e-5)


def _drawn(state: Mapping[str, Tensor], z: Tensor, **settings: Any) -> Tensor:
    """(N,3,H,W) of the generator that the loader makes of the file's tensors."""
    generator = generator_from_tensors(state, settings, "file")
    with torch.inference_mode():
        return generator.synthesize(generator.truncate(generator.map(z)))[0]


def _latents(dim: int) -> Tensor:
    return torch.randn(3, dim, generator=torch.Generator().manual_seed(1))


def _arrays(parity: Path, name: str) -> dict[str, np.ndarray[Any, Any]]:
    with np.load(parity / f"{name}.npz", allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def _pictures(parity: Path) -> np.ndarray[Any, Any]:
    return _arrays(parity, "stylegan_forward")["image_u8"]
