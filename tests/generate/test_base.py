"""What every architecture promises: the Generator protocol, partial synthesis, taps, derivatives."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from higan_cam.generate import PGGAN, StyleGAN, StyleGAN2
from higan_cam.generate.base import LayeredGenerator, StyleBasedGenerator, block_resolutions, channels_at
from higan_cam.types import Generator, SynthesisState
from tests.support.generators import SMALL_LATENT, small, small_latent


def codes(generator: LayeredGenerator, z: Tensor) -> Tensor:
    return generator.truncate(generator.map(z))


def test_it_is_a_generator(generator: LayeredGenerator) -> None:
    assert isinstance(generator, Generator)


def test_truncation_pulls_the_first_rows_towards_the_mean_code(style_based: StyleBasedGenerator, z: Tensor) -> None:
    w = style_based.map(z)
    w_plus = style_based.truncate(w)
    mean = style_based.truncation.w_avg
    assert style_based.edit_strength == (0.6,) * 4 + (1.0,) * 4
    torch.testing.assert_close(w_plus[:, 3], mean + 0.6 * (w - mean), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(w_plus[:, 4], w, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", [StyleGAN, StyleGAN2, PGGAN])
def test_mapping_ignores_the_length_of_z(kind: type[LayeredGenerator], z: Tensor) -> None:
    generator = small_latent(kind) if kind in SMALL_LATENT else small(kind)  # type: ignore[arg-type]
    torch.testing.assert_close(generator.map(3 * z), generator.map(z), rtol=1e-6, atol=1e-6)


def test_without_w_the_code_is_z_in_one_row_that_moves_in_full(latent: LayeredGenerator, z: Tensor) -> None:
    assert (latent.num_layers, latent.edit_strength, latent.w_dim) == (1, (1.0,), latent.z_dim)
    code = latent.map(z)
    torch.testing.assert_close(code / code.norm(dim=1, keepdim=True), z / z.norm(dim=1, keepdim=True))
    assert torch.equal(latent.truncate(code), code[:, None])


def test_without_w_an_edit_reaches_every_layer(latent: LayeredGenerator, z: Tensor) -> None:
    layers = range(len(latent.layer_resolutions))
    _, before = latent.synthesize(codes(latent, z), taps=layers)
    _, after = latent.synthesize(codes(latent, z) + torch.linspace(-1, 1, 16), taps=layers)
    assert all((before[layer] != after[layer]).any() for layer in layers)


def test_layers_have_the_stated_resolutions(generator: LayeredGenerator, z: Tensor) -> None:
    layers = range(len(generator.layer_resolutions))
    image, features = generator.synthesize(codes(generator, z), taps=layers)
    assert image.shape == (3, 3, 32, 32)
    assert tuple(features[layer].shape[-1] for layer in layers) == generator.layer_resolutions


def test_stopping_anywhere_and_going_on_gives_the_same_image(generator: LayeredGenerator, z: Tensor) -> None:
    w_plus = codes(generator, z)
    first, second = 1, len(generator.layer_resolutions) - 1
    whole, features = generator.synthesize(w_plus, taps=(first, second))
    for stop in range(len(generator.layer_resolutions) + 1):
        taps_before = [tap for tap in (first, second) if tap < stop]
        taps_after = [tap for tap in (first, second) if tap >= stop]
        state, before = generator.advance(w_plus, stop, taps=taps_before)
        image, after = generator.synthesize(w_plus, taps=taps_after, start=state)
        assert state.layer == stop
        assert torch.equal(image, whole)
        assert all(torch.equal((before | after)[tap], features[tap]) for tap in (first, second))


def test_a_state_depends_only_on_the_rows_below_it(generator: LayeredGenerator, z: Tensor) -> None:
    w_plus = codes(generator, z)
    for stop in range(1, len(generator.layer_resolutions) + 1):
        edited = w_plus.clone()
        edited[:, stop:] += 1
        state, _ = generator.advance(w_plus, stop)
        whole, _ = generator.synthesize(edited)
        image, _ = generator.synthesize(edited, start=state)
        assert torch.equal(image, whole)


def test_a_state_of_one_code_serves_many(generator: LayeredGenerator, z: Tensor) -> None:
    base = codes(generator, z[:1])
    edited = base.repeat(4, 1, 1)
    stop = len(generator.layer_resolutions) // 2 + 1
    edited[:, stop:] += torch.arange(4.0).view(4, 1, 1)
    state, _ = generator.advance(base, stop)
    image, _ = generator.synthesize(edited, start=state)
    torch.testing.assert_close(image, generator.synthesize(edited)[0])


def test_going_on_from_a_state_of_one_code_taps_the_whole_batch(generator: LayeredGenerator, z: Tensor) -> None:
    base = codes(generator, z[:1])
    last = len(generator.layer_resolutions) - 1
    state, _ = generator.advance(base, last)
    four = base.repeat(4, 1, 1)
    features = generator.synthesize(four, taps=(last,), start=state)[1][last]
    torch.testing.assert_close(features, generator.synthesize(four, taps=(last,))[1][last])


def test_a_batch_gives_what_its_samples_give_alone(generator: LayeredGenerator, z: Tensor) -> None:
    w_plus = codes(generator, z)
    alone = torch.cat([generator.synthesize(w_plus[n : n + 1])[0] for n in range(3)])
    torch.testing.assert_close(generator.synthesize(w_plus)[0], alone)


def test_taps_leave_nothing_behind(generator: LayeredGenerator, z: Tensor) -> None:
    before = set(vars(generator))
    generator.synthesize(codes(generator, z), taps=(0, 2))
    assert set(vars(generator)) == before
    assert all(not module._forward_hooks for module in generator.modules())


def test_synthesis_does_not_change_the_weights(generator: LayeredGenerator, z: Tensor) -> None:
    before = {key: value.clone() for key, value in generator.state_dict().items()}
    generator.synthesize(codes(generator, z))
    assert all(torch.equal(before[key], value) for key, value in generator.state_dict().items())


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:FutureWarning")  # torch.func's own import
def test_derivatives_agree_with_finite_differences(generator: LayeredGenerator, z: Tensor) -> None:
    w_plus, direction = codes(generator, z), codes(generator, z).sign() / 8
    weights = torch.linspace(-1, 1, 32 * 32, dtype=torch.float64).view(32, 32)

    def score(w: Tensor) -> Tensor:
        return (generator.synthesize(w)[0] * weights).sum()

    step = 1e-5
    expected = (score(w_plus + step * direction) - score(w_plus - step * direction)) / (2 * step)
    forward = torch.func.jvp(score, (w_plus,), (direction,))[1]
    leaf = w_plus.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(score(leaf), leaf)
    torch.testing.assert_close(forward, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close((gradient * direction).sum(), forward, rtol=1e-6, atol=1e-8)


def test_gradients_reach_tapped_features(generator: LayeredGenerator, z: Tensor) -> None:
    leaf = codes(generator, z).requires_grad_()
    image, features = generator.synthesize(leaf, taps=(1, len(generator.layer_resolutions) - 1))
    gradients = torch.autograd.grad(image.sum(), list(features.values()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_bfloat16_autocast_stays_near_float32(generator: LayeredGenerator, z: Tensor) -> None:
    generator = generator.float()
    w_plus = codes(generator, z.float())
    exact, _ = generator.synthesize(w_plus)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough, _ = generator.synthesize(w_plus)
    assert (rough.float() - exact).abs().mean() < 0.03 * exact.std()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g, w: g.synthesize(w[:, :, :3]), r"w_plus must be \(N,\d,\d+\), got \(3, \d, 3\)"),
        (lambda g, w: g.advance(w, 9), r"stop must be in 0\.\.[378], got 9"),
        (lambda g, w: g.advance(w, 3, taps=(3,)), r"taps must be in 0..2 .* got \[3\]"),
        (
            lambda g, w: g.synthesize(w, taps=(1,), start=g.advance(w, 2)[0]),
            r"taps must be in 2.. .*|taps must be in 2",
        ),
        (lambda g, w: g.synthesize(w, start=g.advance(w[:2], 2)[0]), "start has batch 2, w_plus has 3"),
        (lambda g, w: g.advance(w, 1, start=SynthesisState(2)), "stop must be in 2"),
    ],
)
def test_impossible_requests_are_named(generator: LayeredGenerator, z: Tensor, call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(generator, codes(generator, z))  # type: ignore[operator]


@pytest.mark.parametrize("resolution", [4, 48, 2048])
def test_only_powers_of_two_from_8_to_1024_are_resolutions(resolution: int) -> None:
    with pytest.raises(ValueError, match="power of 2"):
        block_resolutions(resolution)


def test_channels_come_from_a_table_a_sequence_or_the_paper() -> None:
    assert channels_at((4, 8), {4: 7, 8: 5, 16: 3}, base=0) == (7, 5)
    assert channels_at((4, 8), [7, 5], base=0) == (7, 5)
    assert channels_at((32, 64, 1024), None, base=32768) == (512, 512, 32)
    with pytest.raises(ValueError, match=r"no entry for \[8\]"):
        channels_at((4, 8), {4: 7}, base=0)
    with pytest.raises(ValueError, match="needs 2 counts"):
        channels_at((4, 8), [7], base=0)


@pytest.mark.parametrize(("factory", "rows", "layers"), [(StyleGAN, 6, 6), (StyleGAN2, 6, 5)])
def test_rows_and_layers_follow_from_the_resolution(factory: type[StyleBasedGenerator], rows: int, layers: int) -> None:
    generator = factory(resolution=16, z_dim=4, w_dim=4, channels=(4, 4, 4))  # type: ignore[call-arg]
    assert (generator.num_layers, len(generator.layer_resolutions)) == (rows, layers)
