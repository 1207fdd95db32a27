"""What is written in rosinality's layout computes the same by that layout's own conventions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, cast

import pytest
import torch
from torch import Tensor, nn

from higan_cam.errors import WeightsError
from higan_cam.generate import StyleGAN2, load_generator
from higan_cam.generate.layouts.rosinality import from_rosinality, to_rosinality
from higan_cam.train.gan.discriminators import PlainDiscriminator, ResidualDiscriminator
from higan_cam.train.gan.rosinality import discriminator_to_rosinality, export_rosinality
from higan_cam.weights.files import save_tensors
from tests.generate.references import correlated, rosinality_codes, rosinality_image
from tests.support.commands import Command
from tests.support.generators import small

CHANNELS = (6, 5, 4)


N = TypeVar("N", bound=nn.Module)


def drawn(network: N, seed: int) -> N:
    """The network with every parameter drawn, also those that begin at zero."""
    draw = torch.Generator().manual_seed(seed)
    for value in network.parameters():
        value.data.copy_(torch.randn(value.shape, generator=draw))
    return network


def rosinality_logits(state: Mapping[str, Tensor], images: Tensor) -> Tensor:
    """Their discriminator of at most four pictures, from their keys: residual blocks, then the spread over pictures."""

    def activated(x: Tensor, bias: str) -> Tensor:
        x = x + state[bias].reshape(1, -1, *[1] * (x.dim() - 2))
        return torch.where(x > 0, x, 0.2 * x) * math.sqrt(2)

    def scaled(name: str) -> Tensor:
        weight = state[f"{name}.weight"]
        return weight / math.sqrt(weight[0].numel())

    def halved(x: Tensor, name: str, size: int) -> Tensor:
        kernel, channels = state[f"{name}.0.kernel"].flip(0, 1), x.shape[1]
        beyond = 4 - 2 + size - 1  # the filter's taps less the stride, and the kernel's reach
        padded = nn.functional.pad(x, ((beyond + 1) // 2, beyond // 2) * 2)
        blurred = torch.stack(
            [inside(padded[:, each : each + 1], kernel[None, None])[:, 0] for each in range(channels)], 1
        )
        return inside(blurred, scaled(f"{name}.1"))[:, :, ::2, ::2]

    x = activated(correlated(images, scaled("convs.0.0")), "convs.0.1.bias")
    block = 1
    while f"convs.{block}.conv1.0.weight" in state:
        name = f"convs.{block}"
        y = activated(correlated(x, scaled(f"{name}.conv1.0")), f"{name}.conv1.1.bias")
        y = activated(halved(y, f"{name}.conv2", 3), f"{name}.conv2.2.bias")
        x, block = (y + halved(x, f"{name}.skip", 1)) / math.sqrt(2), block + 1
    spread = (x.var(dim=0, correction=0) + 1e-8).sqrt().mean()
    x = torch.cat([x, spread.expand(len(x), 1, 4, 4)], 1)
    x = activated(correlated(x, scaled("final_conv.0")), "final_conv.1.bias").flatten(1)
    x = activated(x @ scaled("final_linear.0").T, "final_linear.0.bias")
    return (x @ scaled("final_linear.1").T + state["final_linear.1.bias"])[:, 0]


def inside(x: Tensor, weight: Tensor) -> Tensor:
    """Cross-correlation where the kernel lies within the picture, entry by entry."""
    size, (height, width) = weight.shape[-1], (side - weight.shape[-1] + 1 for side in x.shape[-2:])
    parts = [
        torch.einsum("nihw,oi->nohw", x[:, :, dy : dy + height, dx : dx + width], weight[:, :, dy, dx])
        for dy in range(size)
        for dx in range(size)
    ]
    return torch.stack(parts).sum(dim=0)


def test_the_discriminator_gives_the_same_logits_by_their_keys() -> None:
    network = drawn(ResidualDiscriminator(CHANNELS), 1).double()
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    state = {name: value.double() for name, value in discriminator_to_rosinality(network.state_dict()).items()}
    torch.testing.assert_close(rosinality_logits(state, images), network(images))


def test_the_generator_gives_the_same_pictures_by_their_keys() -> None:
    network = drawn(small(StyleGAN2), 3).double()
    state = to_rosinality(network.state_dict(), "it")
    z = torch.randn(2, network.z_dim, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    w = network.map(z)
    torch.testing.assert_close(rosinality_codes(state, z), w)
    theirs, ours = rosinality_image(state, w), network.synthesize(w[:, None].expand(-1, network.num_layers, -1))[0]
    assert (theirs - ours).abs().max() < 1e-5 * ours.abs().max()


def test_a_generator_that_goes_there_and_back_is_the_same() -> None:
    before = drawn(small(StyleGAN2), 5).state_dict()
    after = from_rosinality(to_rosinality(before, "it"), "it")
    assert set(before) - set(after) == {"truncation.truncation"}
    for name, value in after.items():
        torch.testing.assert_close(value.reshape(before[name].shape), before[name], rtol=0, atol=3e-7)


def test_the_file_is_read_again_and_has_the_discriminator_that_lay_beside(tmp_path: Path, higan_cam: Command) -> None:
    network = drawn(small(StyleGAN2), 6)
    save_tensors(tmp_path / "mine" / "generator.safetensors", network.state_dict(), {})
    status, told, _ = higan_cam("weights", "export", str(tmp_path / "mine"), str(tmp_path / "alone.pt"))
    assert (status, "no discriminator" in told) == (0, True)
    channels = cast(StyleGAN2, network).channels
    other = ResidualDiscriminator(channels).state_dict()
    save_tensors(tmp_path / "mine" / "discriminator.safetensors", other, {})
    assert export_rosinality(str(tmp_path / "mine"), tmp_path / "mine.pt")
    saved = torch.load(tmp_path / "mine.pt", weights_only=True)
    assert set(saved) == {"g", "g_ema", "latent_avg", "d"}
    assert len(saved["d"]) == len(other) + 2 * (len(channels) - 1)  # and the filters of each block
    codes = torch.randn(2, network.num_layers, network.w_dim, generator=torch.Generator().manual_seed(7))
    ours, theirs = (load_generator(tmp_path / name).synthesize(codes)[0] for name in ("mine", "mine.pt"))
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("other", [ResidualDiscriminator(CHANNELS[:2]), PlainDiscriminator((6, 5))])
def test_a_discriminator_of_another_network_is_left_out_and_said(
    other: nn.Module, tmp_path: Path, caplog: pytest.LogCaptureFixture, higan_cam: Command
) -> None:
    save_tensors(tmp_path / "mine" / "generator.safetensors", small(StyleGAN2).state_dict(), {})
    save_tensors(tmp_path / "mine" / "discriminator.safetensors", other.state_dict(), {})
    status, told, _ = higan_cam("weights", "export", str(tmp_path / "mine"), str(tmp_path / "mine.pt"))
    assert (status, "no discriminator that fits" in told) == (0, True)
    assert "discriminator.safetensors: does not fit ResidualDiscriminator" in caplog.text
    assert set(torch.load(tmp_path / "mine.pt", weights_only=True)) == {"g", "g_ema", "latent_avg"}


def test_learned_noise_maps_have_no_place_in_that_layout() -> None:
    with pytest.raises(WeightsError, match="rooms: has learned noise maps, 96 in its first layer"):
        export_rosinality("rooms", Path("never written"))


def test_other_architectures_are_refused(tmp_path: Path) -> None:
    from higan_cam.generate import StyleGAN

    save_tensors(tmp_path / "g.safetensors", small(StyleGAN).state_dict(), {})
    with pytest.raises(WeightsError, match="is a StyleGAN; only a StyleGAN2"):
        export_rosinality(str(tmp_path / "g.safetensors"), tmp_path / "out.pt")
