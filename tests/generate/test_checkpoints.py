"""Whatever wraps a generator is looked through by structure, and of two copies the averaged one is taken, and said."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from higan_cam.errors import HiganCamError, WeightsError
from higan_cam.generate import DCGAN, StyleGAN2, load_generator
from higan_cam.generate.layouts import select_generator
from higan_cam.weights.files import save_tensors
from tests.support.generators import small, small_latent

State = dict[str, Tensor]


def filled(value: float) -> State:
    """A small DCGAN of one value."""
    return {
        key: torch.full_like(each, value) if each.is_floating_point() else each
        for key, each in small_latent(DCGAN).state_dict().items()
    }


def prefixed(prefix: str, state: Mapping[str, Tensor]) -> State:
    return {prefix + key: value for key, value in state.items()}


RAW, EMA, OTHER = filled(0.25), filled(0.5), filled(0.75)


def optimiser(steps: int) -> dict[str, Any]:
    """Adam's state before its first step, which holds no tensors, and after it."""
    network = small_latent(DCGAN)
    made = torch.optim.Adam(network.parameters())
    for _ in range(steps):
        for parameter in network.parameters():
            parameter.grad = torch.zeros_like(parameter)
        made.step()
    return made.state_dict()


STEPPED = optimiser(1)


def first_value(checkpoint: object, folder: Path, name: str = "") -> float:
    """A weight of the generator that is loaded from the checkpoint."""
    torch.save(checkpoint, folder / "x.pth")
    loaded = load_generator(f"{folder / 'x.pth'}{name}")
    assert isinstance(loaded, DCGAN)
    return float(loaded.state_dict()["main.0.weight"].flatten()[0])


TWINS = [
    *(("generator", name) for name in ("generator_ema", "g_ema", "G_ema", "ema", "generator_smooth", "generatorEMA")),
    *(("generator", name) for name in ("Gs", "g_running", "gen_shadow", "emaG", "generator_avg", "swa_model", "GEMA")),
    *(("netG", name) for name in ("netG_ema", "ema_netG", "netG_EMA", "netG_average", "netG_ema_0.999")),
    *(("g", name) for name in ("ema", "g_ema", "g_smooth", "g_ema_state_dict")),
    *(("state_dict", name) for name in ("state_dict_ema", "ema_state_dict", "averaged_model", "moving_average")),
    ("params", "params_ema"),
    ("model", "model_ema"),
    ("online_model", "ema_model"),
    ("generator_non_ema", "generator"),
    ("current_model_state", "state_dict"),
]


@pytest.mark.parametrize(("raw", "averaged"), TWINS)
def test_the_averaged_twin_is_taken_and_said(
    raw: str, averaged: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="higan_cam"):
        assert first_value({raw: RAW, averaged: EMA}, tmp_path) == 0.5
    assert f"network={averaged} was taken, not {raw}" in caplog.text
    assert first_value({averaged: EMA, raw: RAW, "optimizer": STEPPED}, tmp_path) == 0.5
    assert first_value({"state_dict": prefixed(f"{raw}.", RAW) | prefixed(f"{averaged}.", EMA)}, tmp_path) == 0.5
    assert first_value({raw: RAW, averaged: EMA}, tmp_path, f"#{raw}") == 0.25


def test_one_network_alone_is_taken_without_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="higan_cam"):
        assert first_value({"generator": RAW}, tmp_path) == 0.25
    assert not caplog.records


@pytest.mark.parametrize(
    "checkpoint",
    [
        {
            "state_dict": prefixed("generator.", RAW),
            "callbacks": {"StochasticWeightAveraging": {"average_model_state": prefixed("generator.", EMA)}},
        },
        {
            "state_dict": prefixed("generator.", EMA),
            "current_model_state": prefixed("generator.", RAW),
            "averaging_state": {"n_averaged": torch.tensor(3)},
        },
        {"generator": RAW, "ema": {"shadow": EMA, "backup": RAW}},
        {"generator": RAW, "ema": {"module": prefixed("module.", EMA), "decay": torch.tensor(0.9)}},
        {"ema": {"generator": EMA, "discriminator": OTHER}, "model": {"generator": RAW, "discriminator": OTHER}},
        RAW | prefixed("ema.", EMA),
        {"unet": RAW, "unet_ema": EMA},
    ],
    ids=["Lightning's SWA", "Lightning's averaging", "backup", "timm", "by copy", "flat", "diffusers"],
)
def test_averages_that_trainers_keep_elsewhere_are_taken(checkpoint: dict[str, Any], tmp_path: Path) -> None:
    assert first_value(checkpoint, tmp_path) == 0.5


def test_averages_of_two_decays_are_listed(tmp_path: Path) -> None:
    checkpoint = {"g": RAW, "ema_0.99": EMA, "ema_0.999": OTHER}
    with pytest.raises(WeightsError, match=r"several networks in it fit.*ema_0\.99 \(.*ema_0\.999 \("):
        first_value(checkpoint, tmp_path)
    assert first_value(checkpoint, tmp_path, "#ema_0.999") == 0.75


PARAMETERS = [key for key, _ in small_latent(DCGAN).named_parameters()]


@pytest.mark.parametrize(
    "checkpoint",
    [
        {"g": RAW, "ema": {"decay": 0.99, "num_updates": 3, "shadow_params": [EMA[key] for key in PARAMETERS]}},
        {"g": RAW, "d": {"main.0.weight": torch.zeros(3)}, "ema": {"shadow_params": [EMA[key] for key in PARAMETERS]}},
        RAW | {"shadow_params": [EMA[key] for key in PARAMETERS]},
        {"state_dict": prefixed("g.", RAW), "optimizer_states": [STEPPED | {"ema": [EMA[key] for key in PARAMETERS]}]},
        {
            "state_dict": prefixed("model.", RAW)
            | {f"model_ema.{key.replace('.', '')}": EMA[key] for key in PARAMETERS}
            | {"model_ema.decay": torch.tensor(0.99), "model_ema.num_updates": torch.tensor(3)}
        },
        {
            "state_dict": prefixed("model.net.", RAW)
            | {f"model_ema.net{key.replace('.', '')}": EMA[key] for key in PARAMETERS}
        },
        {"g": RAW, "g_ema": {key: EMA[key] for key in PARAMETERS}},
    ],
    ids=["torch_ema", "beside d", "flat", "callback", "latent-diffusion", "whole model", "parameters alone"],
)
def test_averages_without_names_or_buffers_get_them_from_the_raw_copy(
    checkpoint: dict[str, Any], tmp_path: Path
) -> None:
    assert first_value(checkpoint, tmp_path) == 0.5
    loaded = load_generator(tmp_path / "x.pth")
    assert isinstance(loaded, DCGAN)
    assert float(loaded.main[1].running_mean[0]) == 0.25  # type: ignore[index]


def test_averages_that_fit_nothing_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert first_value({"g": RAW, "ema": {"shadow_params": [torch.zeros(2), torch.zeros(3)]}}, tmp_path) == 0.25
    assert "averaged tensors at ema.shadow_params have no names and fit 0 networks" in caplog.text


COMMON = {
    "before the optimiser's first step": {"state_dict": RAW, "optimizer": optimiser(0)},
    "after it": {"state_dict": RAW, "optimizer": STEPPED},
    "tutorial": {"epoch": 3, "model_state_dict": RAW, "optimizer_state_dict": STEPPED, "loss": torch.tensor(0.5)},
    "imagenet script": {
        "epoch": 3,
        "arch": "dcgan",
        "state_dict": prefixed("module.", RAW),
        "best_acc1": torch.tensor(1.0),
        "optimizer": STEPPED,
        "scheduler": {"last_epoch": 3},
    },
    "Lightning": {
        "state_dict": prefixed("generator.", RAW),
        "hyper_parameters": {"lr": 1e-3},
        "callbacks": {"ModelCheckpoint": {"best_model_score": torch.tensor(31.5)}},
        "optimizer_states": [STEPPED],
        "lr_schedulers": [],
    },
    "compiled": prefixed("_orig_mod.", RAW),
    "compiled under DDP": prefixed("module._orig_mod.", RAW),
    "DDP, compiled": prefixed("_orig_mod.module.", RAW),
    "compiled inside": {key.replace("main.", "main._orig_mod."): value for key, value in RAW.items()},
    "FSDP": {key.replace("main.", "_fsdp_wrapped_module.main."): value for key, value in RAW.items()},
    "both networks": {"generator_state_dict": RAW, "discriminator_state_dict": OTHER},
    "G and D": {"G": RAW, "D": OTHER},
    "netD first": {"netD": OTHER, "netG": RAW},
    "swa": {"n_averaged": torch.tensor(3), **prefixed("module.", RAW)},
    "beside the optimiser": {**RAW, "optimizer": STEPPED, "epoch": torch.tensor(3)},
    "list": {"models": [RAW], "step": torch.tensor(1)},
    "same twice": {"A": RAW, "B": dict(RAW)},
    "a name of its own": {"whatever": {"it is": RAW}, "rng": torch.zeros(8, dtype=torch.uint8)},
}


@pytest.mark.parametrize("checkpoint", COMMON.values(), ids=COMMON.keys())
def test_common_checkpoints_load(checkpoint: dict[str, Any], tmp_path: Path) -> None:
    assert first_value(checkpoint, tmp_path) == 0.25


@pytest.mark.parametrize("suffix", [".ckpt", ".bin", ".model", ".PTH", "", ".safetensors"])
def test_a_file_is_known_by_its_beginning(suffix: str, tmp_path: Path) -> None:
    torch.save({"state_dict": RAW}, tmp_path / f"x{suffix}")
    assert load_generator(tmp_path / f"x{suffix}").num_layers == 1


def test_tensors_of_safetensors_may_be_wrapped_too(tmp_path: Path) -> None:
    save_tensors(tmp_path / "x.bin", prefixed("model.netG.", RAW) | prefixed("model.netG_ema.", EMA), {})
    loaded = load_generator(tmp_path / "x.bin")
    assert isinstance(loaded, DCGAN)
    assert float(loaded.state_dict()["main.0.weight"].flatten()[0]) == 0.5


def test_networks_that_nothing_tells_apart_are_listed_and_one_is_named(tmp_path: Path) -> None:
    checkpoint = {"A": RAW, "B": OTHER, "optimizer": STEPPED}
    size = len(RAW)
    message = (
        rf"x\.pth: several networks in it fit.*A \({size} tensors, e\.g\. A\.main\.0\.weight\), B \({size} tensors, "
        r"e\.g\. B\.main\.0\.weight\)\. Name one behind the path: .*x\.pth#A$"
    )
    with pytest.raises(WeightsError, match=message):
        first_value(checkpoint, tmp_path)
    assert first_value(checkpoint, tmp_path, "#B") == 0.75
    with pytest.raises(WeightsError, match=r"no network 'C' in it; it holds A \("):
        first_value(checkpoint, tmp_path, "#C")


def test_a_file_whose_name_has_a_hash_is_that_file(tmp_path: Path) -> None:
    torch.save(RAW, tmp_path / "run#3.pth")
    assert load_generator(str(tmp_path / "run#3.pth")).num_layers == 1
    torch.save({"A": RAW, "B": OTHER}, tmp_path / "run#3.pth")
    assert load_generator(f"{tmp_path / 'run#3.pth'}#B").num_layers == 1


def test_a_file_without_a_generator_lists_what_it_has_by_group(tmp_path: Path) -> None:
    torch.save({"encoder": nn.Linear(2, 3).state_dict(), "head": nn.Linear(3, 1).state_dict()}, tmp_path / "x.pth")
    message = r"it holds encoder \(2 tensors, e\.g\. encoder\.weight\), head \(2 tensors, e\.g\. head\.weight\)"
    with pytest.raises(WeightsError, match=message):
        load_generator(tmp_path / "x.pth")


def test_a_part_of_the_network_that_is_unknown_is_not_dropped(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"unknown keys: embed\.weight"):
        first_value({"generator": RAW | {"embed.weight": torch.zeros(3, 4)}}, tmp_path)


WRAPPERS = st.sampled_from(
    ["_orig_mod", "module", "generator", "model", "model.generator", "netG", "g_ema", "net.gen", "ema_model", "x.y"]
)
HOLDERS = st.sampled_from(
    ["state_dict", "generator", "model_state_dict", "models", "ema", "G_ema", "checkpoint", "net"]
)
BESIDE = st.fixed_dictionaries(
    {},
    optional={
        "epoch": st.integers(0, 9),
        "loss": st.just(torch.tensor(0.1)),
        "best_acc1": st.just(torch.tensor(1.0)),
        "optimizer": st.just(STEPPED),
        "optimizer_state_dict": st.just(STEPPED),
        "optimizer_states": st.just([STEPPED]),
        "callbacks": st.just({"ModelCheckpoint": {"best_model_score": torch.tensor(3.0)}}),
        "hyper_parameters": st.just({"lr": 0.1, "betas": (0.5, 0.9)}),
        "arch": st.just("dcgan"),
        "discriminator": st.just({"main.0.weight": torch.zeros(4, 3, 4, 4), "main.2.weight": torch.zeros(8, 4, 4, 4)}),
        "d_optim": st.just(STEPPED),
    },
)


@settings(max_examples=60)
@given(st.lists(WRAPPERS, max_size=3), st.lists(HOLDERS, max_size=3), st.lists(BESIDE, max_size=4), st.booleans())
def test_any_stack_of_known_wrappers_gives_the_same_tensors(
    tmp_path_factory: pytest.TempPathFactory,
    wrappers: list[str],
    holders: list[str],
    beside: list[dict[str, Any]],
    zipped: bool,
) -> None:
    checkpoint: dict[str, Any] = dict(RAW)
    for wrapper in wrappers:
        checkpoint = prefixed(f"{wrapper}.", checkpoint)
    layers = beside[:1] if not holders else []
    checkpoint = {**checkpoint, **(layers[0] if layers and not wrappers else {})}
    for number, holder in enumerate(holders):
        others = beside[number] if number < len(beside) else {}
        checkpoint = {holder: checkpoint, **{key: value for key, value in others.items() if key != holder}}
    path = tmp_path_factory.mktemp("stack") / "x.pth"
    torch.save(checkpoint, path, _use_new_zipfile_serialization=zipped)
    loaded = load_generator(path)
    assert isinstance(loaded, nn.Module)
    assert all(torch.equal(value, RAW[key]) for key, value in loaded.state_dict().items())


NAMES = st.text(alphabet="aGgdD_.01#é main", max_size=8) | st.sampled_from(
    ["main.0.weight", "generator", "ema", "layer0.weight", "input.input", "synthesis", "latent_avg", "optimizer"]
)
LEAVES = st.sampled_from([torch.zeros(2), torch.zeros(4, 3, 4, 4), torch.tensor(1), None, 3, "text", torch.zeros(0)])
TREES = st.recursive(
    LEAVES,
    lambda inner: st.dictionaries(NAMES | st.integers(0, 3), inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=60)
@given(st.dictionaries(NAMES, TREES, max_size=4))
def test_any_checkpoint_gives_a_generator_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, checkpoint: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("any") / "x.pth"
    torch.save(checkpoint, path)
    said = ""
    try:
        load_generator(path)
    except HiganCamError as error:
        said = str(error)
    assert "weights_only" not in said


def test_the_layers_of_a_larger_generator_are_no_network_of_their_own() -> None:
    state = small(StyleGAN2).state_dict()
    assert select_generator(prefixed("a.b.", state), "f").keys() == state.keys()
