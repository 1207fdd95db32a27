"""Going on from other weights: step 0 is the file, what is frozen stays, and what comes out is read as any others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from higan_cam.errors import ConfigError, WeightsError
from higan_cam.generate import load_generator
from higan_cam.generate.pggan import PGGAN
from higan_cam.generate.stylegan2 import StyleGAN2
from higan_cam.train import launch, loop
from higan_cam.train.checkpoints import save_checkpoint
from higan_cam.train.gan.discriminators import discriminator_of
from higan_cam.train.gan.export import settled
from higan_cam.train.gan.fit import fit_gan
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.state import GanState, start
from higan_cam.train.gan.transfer import transferred
from higan_cam.train.settings import Progress, World
from higan_cam.weights.files import load_tensors, save_tensors
from higan_cam.weights.paths import DISCRIMINATOR
from tests.support.commands import Command

Build = Callable[..., GanSettings]
SAID: dict[str, Any] = {"pictures": "pictures", "batch": 8, "images": 48, "penalty_every": 2, "checkpoint_every": 3}


def ignore(_: Progress) -> None:
    """Nobody watches."""


def save(folder: Path, state: GanState) -> str:
    """The files of a training run, in float16 as they ship; the generator's name."""
    folder.mkdir()
    for name, part in (("generator.safetensors", state.averaged), (DISCRIMINATOR, state.discriminator)):
        tensors = {
            key: value.half() if value.is_floating_point() else value for key, value in part.state_dict().items()
        }
        save_tensors(folder / name, tensors, {})
    return str(folder / "generator.safetensors")


def parameters(state: GanState) -> dict[str, Tensor]:
    parts = {"generator": state.generator, "discriminator": state.discriminator, "averaged": state.averaged}
    return {
        f"{part}.{name}": value.detach().clone()
        for part, network in parts.items()
        for name, value in network.named_parameters()
    }


def pictures_of(network: nn.Module, z_dim: int) -> Tensor:
    z = torch.randn(3, z_dim, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return cast(Tensor, network(z))


@pytest.mark.parametrize("network", ["dcgan", "stylegan2"])
def test_step_0_draws_the_pictures_of_the_file_and_judges_as_its_discriminator(
    network: str, build: Build, tmp_path: Path
) -> None:
    other = start(build(network, seed=5))
    if network == "dcgan":  # statistics that are not those of random weights
        other.averaged.main[1].running_mean.fill_(0.25)  # type: ignore[index, union-attr]
    init = save(tmp_path / "other", other)
    state = start(transferred(init, output=str(tmp_path / "out"), **SAID))
    expected = pictures_of(cast(nn.Module, load_generator(init)), 8)
    assert torch.equal(pictures_of(state.averaged, 8), expected)
    judged = [part.state_dict() for part in (state.discriminator, other.discriminator.half())]
    assert all(torch.equal(judged[0][key], value.float()) for key, value in judged[1].items())


def test_the_networks_sizes_are_those_of_the_file_and_no_others(build: Build, tmp_path: Path) -> None:
    init = save(tmp_path / "other", start(build("dcgan", channels=(6,))))
    settings = transferred(init, output="out", side=8, **SAID)
    assert (settings.network, settings.channels, settings.z_dim, settings.learning_rate) == ("dcgan", (6,), 8, 1e-3)
    for said in ({"side": 16}, {"network": "stylegan2"}, {"z_dim": 9}):
        with pytest.raises(ConfigError, match=f"{next(iter(said))}: .* has "):
            transferred(init, output="out", **said, **SAID)


def test_other_networks_than_can_be_trained_are_named(tmp_path: Path) -> None:
    growing = PGGAN(resolution=8, z_dim=8, channels=(4, 4))
    save_tensors(tmp_path / "growing.safetensors", growing.state_dict(), {})
    with pytest.raises(ConfigError, match="is a PGGAN; a StyleGAN2 or DCGAN can be trained"):
        transferred(str(tmp_path / "growing.safetensors"), output="out", **SAID)


def test_what_is_frozen_stays_to_the_bit_and_all_else_moves(build: Build, pictures: Pictures, tmp_path: Path) -> None:
    init = save(tmp_path / "other", start(build(seed=5)))
    said: dict[str, Any] = {**SAID, "freeze": ("mapping.*", "generator.synthesis.*.bias"), "freeze_discriminator": 1}
    settings = transferred(init, output=str(tmp_path / "out"), **said)
    before, after = parameters(start(settings)), parameters(fit_gan(settings, pictures, ignore))
    stayed = {name for name, value in before.items() if torch.equal(value, after[name])}
    networks = ("generator", "averaged")
    expected = {name for name in before if name.split(".")[0] in networks and ".mapping." in name}
    expected |= {name for name in before if name.split(".")[0] in networks and name.endswith(".bias")}
    expected |= {name for name in before if name.startswith(("discriminator.picture", "discriminator.blocks.0"))}
    assert stayed == expected


def test_a_frozen_batch_norm_computes_what_the_file_says_from_the_first_step_to_the_weights_that_ship(
    build: Build, pictures: Pictures, tmp_path: Path
) -> None:
    """Its statistics belong to it: with those of a batch, or of other samples, it would be another layer."""
    said: dict[str, Any] = {"side": 16, "channels": (8, 8)}
    other = start(build("dcgan", seed=5, **said))
    for norm in [module for module in other.averaged.modules() if isinstance(module, nn.BatchNorm2d)]:
        cast(Tensor, norm.running_mean).fill_(0.02)
        cast(Tensor, norm.num_batches_tracked).fill_(7)
    init = save(tmp_path / "other", other)
    frozen = ("generator.main.0.*", "generator.main.1.*")
    settings = transferred(init, output=str(tmp_path / "out"), freeze=frozen, **SAID)
    wide = Pictures(np.repeat(np.repeat(pictures.train, 2, 1), 2, 2), pictures.held_out[:0], "0" * 64, ())
    before = start(settings).generator.state_dict()
    state = fit_gan(settings, wide, ignore)
    for network in (state.generator, state.averaged, settled(settings, state)):
        after = network.state_dict()
        stayed = {name for name, value in before.items() if torch.equal(value, after[name])}
        assert stayed >= {name for name in before if name.startswith(("main.0.", "main.1."))}
        assert not stayed & {"main.3.weight", "main.4.weight", "main.4.running_mean", "main.4.running_var"}
    frozen_part, drawn = cast(Any, state.generator).train().main[:2], torch.randn(3, 8, 1, 1)
    with torch.no_grad():
        torch.testing.assert_close(frozen_part(drawn), cast(Any, load_generator(init)).main[:2](drawn))


def test_paths_are_measured_where_the_whole_mapping_stays(build: Build, pictures: Pictures, tmp_path: Path) -> None:
    """Lengths are slopes by codes, which have no history of their own then."""
    init = save(tmp_path / "other", start(build(seed=5)))
    paths: dict[str, Any] = {"freeze": ("mapping.*",), "path_weight": 2.0, "path_every": 2}
    state = fit_gan(transferred(init, output=str(tmp_path / "out"), **paths, **SAID), pictures, ignore)
    assert state.path_mean > 0


def test_a_transferred_run_that_was_stopped_ends_in_the_same_bytes(
    build: Build, pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    init = save(tmp_path / "other", start(build("dcgan", seed=5)))
    said = {**SAID, "freeze": ("generator.main.0.weight",)}
    whole = parameters(fit_gan(transferred(init, output=str(tmp_path / "out"), **said), pictures, ignore))

    def save_then_stop(settings: GanSettings, state: dict[str, object]) -> None:
        save_checkpoint(settings, state)
        raise KeyboardInterrupt

    cut = transferred(init, output=str(tmp_path / "cut"), **said)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", save_then_stop)
        with pytest.raises(KeyboardInterrupt):
            fit_gan(cut, pictures, ignore)
    resumed = parameters(fit_gan(cut, pictures, ignore))
    assert [name for name in whole if not torch.equal(whole[name], resumed[name])] == []


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"freeze": ("mappings.*",)}, r"freeze: 'mappings\.\*' matches no parameter"),
        ({"freeze": ("generator.*",)}, "freeze: leaves nothing of the generator"),
        ({"freeze_discriminator": 2}, "freeze_discriminator: the discriminator has 1 layers"),
    ],
)
def test_freezing_that_cannot_be_is_said_before_training(
    said: dict[str, Any], expected: str, build: Build, tmp_path: Path
) -> None:
    init = save(tmp_path / "other", start(build()))
    with pytest.raises(ConfigError, match=expected):
        transferred(init, output="out", **said, **SAID)


@pytest.mark.parametrize("said", [{"freeze": ("mapping.*",)}, {"freeze_discriminator": 1}, {"init": "rooms"}])
def test_random_weights_are_not_frozen_and_a_file_is_known_by_its_digest(said: dict[str, Any], build: Build) -> None:
    with pytest.raises(ConfigError, match=r"^(init|freeze_discriminator): "):
        build(**said)


def test_a_discriminator_that_does_not_fit_is_left_out_and_said_but_not_one_that_was_named(
    build: Build, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    init = save(tmp_path / "other", start(build()))
    beside = tmp_path / "other" / DISCRIMINATOR
    save_tensors(beside, discriminator_of("dcgan", (8,)).state_dict(), {})
    with caplog.at_level("WARNING"):
        assert transferred(init, output="out", **SAID).init_discriminator == ""
    assert "starts at random weights" in caplog.text
    assert "does not fit ResidualDiscriminator" in caplog.text
    with pytest.raises(WeightsError, match="does not fit"):
        transferred(init, str(beside), output="out", **SAID)


def test_another_file_of_that_name_is_another_run(build: Build, pictures: Pictures, tmp_path: Path) -> None:
    init = save(tmp_path / "other", start(build()))
    settings = transferred(init, output=str(tmp_path / "out"), **SAID)
    fit_gan(settings, pictures, ignore)
    save_tensors(init, start(build(seed=6)).averaged.state_dict(), {})
    with pytest.raises(ConfigError, match="has changed since training began"):
        fit_gan(settings, pictures, ignore)
    with pytest.raises(ConfigError, match="init_sha256"):
        fit_gan(transferred(init, output=str(tmp_path / "out"), **SAID), pictures, ignore)


def test_networks_of_other_proportions_go_on_and_are_read_again(pictures: Pictures, tmp_path: Path) -> None:
    """As the embedded one: learned noise, widths of its own, and a pull towards the mean, which training leaves out."""
    sizes: dict[str, Any] = {"z_dim": 6, "w_dim": 10, "mapping_width": 12, "mapping_layers": 3, "channels": (8, 4)}
    torch.manual_seed(0)
    own = StyleGAN2(resolution=8, noise_channels="per_channel", truncation_psi=0.5, truncation_layers=2, **sizes)
    own.truncation.w_avg.fill_(0.5)
    init = str(tmp_path / "own.safetensors")
    save_tensors(init, own.state_dict(), {})
    settings = transferred(init, output=str(tmp_path / "out"), **SAID)
    unpulled = cast(nn.Module, load_generator(init, truncation_psi=1.0, truncation_layers=0))
    assert torch.equal(pictures_of(start(settings).averaged, 6), pictures_of(unpulled, 6))
    finished = settled(settings, fit_gan(settings, pictures, ignore))
    save_tensors(tmp_path / "finished.safetensors", finished.state_dict(), {})
    again = cast(nn.Module, load_generator(str(tmp_path / "finished.safetensors")))
    assert torch.equal(pictures_of(again, 6), pictures_of(finished, 6))
    assert not torch.equal(pictures_of(again, 6), pictures_of(unpulled, 6))


def test_the_embedded_generator_can_be_gone_on_from() -> None:
    settings = transferred("rooms", output="out", pictures="pictures")
    assert (settings.init, settings.network, settings.init_discriminator) == ("rooms", "stylegan2", "")
    assert settings.side == load_generator("rooms").resolution


def test_the_command_goes_on_from_a_file_and_leaves_weights_that_are_read(
    build: Build, tmp_path: Path, higan_cam: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    init, folder, output = save(tmp_path / "other", start(build("dcgan"))), tmp_path / "pictures", tmp_path / "out"
    folder.mkdir()
    for number in range(8):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((8, 8, 3), 30 * number, np.uint8))
    monkeypatch.setattr(launch, "launch", lambda function, *_: function(ignore, World()))
    asked = (
        "--init",
        init,
        "--freeze",
        "generator.main.0.weight",
        "--freeze-discriminator",
        "0",
        "--kimg",
        "0.1",
        "--measure",
        "40",
    )
    status, _, said = higan_cam("train", "gan", "--data", str(folder), "--output", str(output), *asked)
    assert status == 0, said
    before, after = (load_tensors(Path(where) / "generator.safetensors")[0] for where in (tmp_path / "other", output))
    assert torch.equal(before["main.0.weight"], after["main.0.weight"])
    assert not torch.equal(before["main.3.weight"], after["main.3.weight"])
    assert load_generator(str(output / "generator.safetensors")).resolution == 8
    status, _, said = higan_cam(
        "train", "gan", "--data", str(folder), "--output", str(output), "--init", init, "--side", "16"
    )
    assert (status, "side: " in said) == (2, True)
