"""Advice on precision: what was measured, and only where it is worth another run."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from higan_cam.train.gan import fit as module
from higan_cam.train.gan import speed
from higan_cam.train.gan.fit import fit_gan
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.gan.settings import GanSettings, Precision
from higan_cam.train.gan.speed import advice, rates
from higan_cam.train.gan.state import start
from higan_cam.train.gan.steps import Steps
from higan_cam.train.settings import World

Build = Callable[..., GanSettings]


def test_rates_are_pictures_over_the_time_of_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(speed, "time", SimpleNamespace(perf_counter=lambda: clock.now))

    def steps(precision: Precision) -> Callable[[int], Tensor]:
        clock.now += 7  # what is built is not measured

        def take(number: int) -> Tensor:
            clock.now += (0.02 if precision == "bfloat16" else 0.05) + 3 * (number == 0)  # the first warms up
            return torch.zeros(())

        return take

    assert rates(steps, 8) == pytest.approx({"float32": 160, "bfloat16": 400})


def test_networks_of_one_precision_are_gone_before_those_of_the_other_are_made() -> None:
    class Networks:
        """Weights of one precision."""

        def take(self, _: int) -> Tensor:
            return torch.zeros(())

    alive = list[weakref.ref[Networks]]()

    def steps(_: Precision) -> Callable[[int], Tensor]:
        assert [each for each in alive if each() is not None] == []
        made = Networks()
        made.__dict__["itself"] = made  # networks and optimisers know each other
        alive.append(weakref.ref(made))
        return made.take

    rates(steps, 8, rounds=2)
    assert len(alive) == 4
    assert [each for each in alive if each() is not None] == []


def test_a_worker_measures_its_own_share_of_the_batch(
    build: Build, pictures: Pictures, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen = list[tuple[int, int]]()

    def measured(steps: Callable[[Precision], Callable[[int], Tensor]], batch: int, _: str) -> dict[Precision, float]:
        game = steps("bfloat16").__self__  # type: ignore[attr-defined]
        game.take(0)  # asks no other worker for anything
        seen.append((batch, len(game._reals(0)[0])))
        return {"float32": 50, "bfloat16": 100}

    monkeypatch.setattr(module, "rates", measured)
    with caplog.at_level("INFO"):
        module._advise(build(precision="float32"), pictures, None, World(0, 2))
    assert seen == [(4, 4)]
    assert "img/s" in caplog.text


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("not enough memory")])
def test_where_memory_does_not_suffice_for_measuring_training_goes_on_without_advice(
    error: Exception,
    build: Build,
    pictures: Pictures,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def failing(*_: object) -> dict[Precision, float]:
        raise error

    monkeypatch.setattr(module, "rates", failing)
    monkeypatch.setattr(module, "WORTH_MEASURING", 1)
    with caplog.at_level("INFO"):
        assert fit_gan(build(), pictures, lambda _: None).step == 6
    assert "precision=float32: not measured, there is too little memory" in caplog.text


def test_other_errors_of_measuring_are_not_hidden(
    build: Build, pictures: Pictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> dict[Precision, float]:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(module, "rates", failing)
    with pytest.raises(RuntimeError, match="shapes"):
        module._advise(build(), pictures, None, World())


def test_the_faster_one_is_named_where_it_is_faster_by_more_than_chance() -> None:
    assert "--precision bfloat16 is 2.00 times as fast" in advice({"float32": 50, "bfloat16": 100}, "float32")
    assert "no other is faster" in advice({"float32": 50, "bfloat16": 100}, "bfloat16")
    assert "no other is faster" in advice({"float32": 50, "bfloat16": 52}, "float32")
    assert "between penalties" in advice({"float32": 50, "bfloat16": 52}, "float32")


def test_advice_is_said_at_the_start_and_changes_no_bit(
    build: Build,
    pictures: Pictures,
    tmp_path: object,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    plain = fit_gan(build(), pictures, lambda _: None).generator.state_dict()
    monkeypatch.setattr(module, "WORTH_MEASURING", 1)
    with caplog.at_level("INFO"):
        advised = fit_gan(build(output=f"{tmp_path}/advised"), pictures, lambda _: None).generator.state_dict()
    assert "precision=float32: float32 " in caplog.text
    assert all(torch.equal(plain[key], advised[key]) for key in plain)


def test_penalties_are_in_float32_and_other_products_are_not(build: Build, pictures: Pictures) -> None:
    settings = build("stylegan2", precision="bfloat16", path_weight=2.0, path_every=2)
    state, seen = start(settings), dict[str, set[torch.dtype]]()
    layers = {
        "generator": state.generator.get_submodule("synthesis.layer1"),
        "discriminator": state.discriminator.get_submodule("last"),
    }
    for name, layer in layers.items():
        layer.register_forward_hook(lambda *said, name=name: seen.setdefault(name, set()).add(said[2].dtype))
    steps = Steps(settings, state, pictures, World())
    steps.take(1)  # neither penalty
    assert seen == {"generator": {torch.bfloat16}, "discriminator": {torch.bfloat16}}
    steps.take(0)  # R1's logits, and the samples whose paths are measured
    assert seen == {name: {torch.bfloat16, torch.float32} for name in layers}
    assert all(parameter.dtype == torch.float32 for parameter in state.generator.parameters())
