"""Properties that are asked for: nothing changes at first, samples come to have them, and others can ask, too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.errors import ConfigError, DataError, WeightsError
from higan_cam.generate.base import LayeredGenerator
from higan_cam.store.keys import REPORT_KEY
from higan_cam.train import loop
from higan_cam.train.checkpoints import CHECKPOINT, save_checkpoint
from higan_cam.train.gan.export import train_and_export_gan, with_digest
from higan_cam.train.gan.fit import fit_gan
from higan_cam.train.gan.pictures import Pictures, read_pictures
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.state import GanState, start
from higan_cam.train.gan.steering.conditions import (
    CONDITION,
    Condition,
    asked_codes,
    learn_condition,
    load_condition,
)
from higan_cam.train.gan.steering.properties import (
    followed,
    known_anywhere,
    scorers_of,
    scores_of,
)
from higan_cam.train.gan.steps import Steps
from higan_cam.train.gan.transfer import transferred
from higan_cam.train.gan.watch import Watching
from higan_cam.train.settings import World
from higan_cam.weights.embedded import EMBEDDED_SCORERS, embedded_path
from higan_cam.weights.files import load_tensors, save_tensors, sha256_of

Build = Callable[..., GanSettings]


@pytest.fixture
def lit() -> Pictures:
    """24 pictures of 8 px, from dark to bright, and from cold to warm without regard to that."""
    draw = np.random.Generator(np.random.Philox(6))
    levels, tints = np.linspace(40, 210, 24), draw.permutation(np.linspace(-40, 40, 24))
    every = levels[:, None, None, None] + tints[:, None, None, None] * np.array([1, 0, -1])
    every = (every + draw.normal(0, 8, (24, 8, 8, 3))).clip(0, 255).astype(np.uint8)
    return Pictures(every, every[:0], "0" * 64, ())


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("network", ["dcgan", "stylegan2"])
def test_at_first_nothing_changes_to_the_bit_whatever_is_asked_for(network: str, build: Build, lit: Pictures) -> None:
    plain, asking = build(network), build(network, properties=("luminance", "warmth"))
    states = [start(plain), start(asking)]
    condition = cast(Condition, states[1].condition)
    learn_condition(condition, asking.properties, lit.train, "cpu")
    found = []
    for settings, state in zip((plain, asking), states, strict=True):
        state.generator.load_state_dict(states[0].generator.state_dict())
        with torch.no_grad():
            found.append(Steps(settings, state, lit, World())._samples(0, state.generator, slice(0, 8))[0])
    assert torch.equal(*found)
    assert condition.drawn(torch.rand(8, 2)).abs().max() > 0.5


def test_a_code_without_a_condition_asks_for_the_mean_of_everything() -> None:
    condition = Condition(2, 8)
    torch.nn.init.ones_(condition.gate)
    w = normal(3, 8)
    torch.testing.assert_close(condition(w, torch.zeros(3, 2)), w, rtol=0, atol=0)
    assert not torch.allclose(condition(w, torch.ones(3, 2)), w)


def test_what_is_added_to_codes_goes_where_codes_go_and_most_where_they_differ_most() -> None:
    condition = Condition(2, 8)
    torch.nn.init.ones_(condition.gate)
    across = torch.linalg.qr(normal(8, 8))[0]
    scales = torch.tensor([3.0, 1.0, 0, 0, 0, 0, 0, 0])
    condition.stay_near(normal(2000, 8) * scales @ across)
    torch.testing.assert_close(
        condition.reach @ condition.reach, across.T * scales.square() @ across, rtol=0.1, atol=0.1
    )
    w = normal(3, 8)
    added = (condition(w, torch.ones(3, 2)) - w) @ across.T
    assert added[:, :2].abs().max() > 0.05
    torch.testing.assert_close(added[:, 2:], torch.zeros(3, 6), rtol=0, atol=1e-4)


def test_what_is_asked_for_is_as_common_as_in_the_pictures() -> None:
    scores = torch.stack([normal(4001).exp(), normal(4001)], dim=1)
    condition = Condition(2, 8)
    condition.learn(scores, ["one", "other"])
    standard = ((scores - scores.mean(dim=0)) / scores.std(dim=0)).clamp(-2, 2)
    draws = torch.tensor([[0.25, 0.75], [0.5, 0.1], [0.0, 0.999]])
    expected = [[np.quantile(standard[:, k], float(draws[row, k])) for k in (0, 1)] for row in range(3)]
    np.testing.assert_allclose(condition.drawn(draws).numpy(), expected, atol=0.02)


def test_a_property_that_all_pictures_share_is_named(lit: Pictures) -> None:
    flat = np.full_like(lit.train, 90)
    with pytest.raises(DataError, match="do not differ in warmth"):
        learn_condition(Condition(1, 8), ["warmth"], flat, "cpu")


def test_correlations_are_those_of_numpy() -> None:
    asked = normal(50, 2)
    got = asked @ torch.tensor([[1.0, 0.2], [0.0, -1.0]]) + 0.1 * torch.sin(7 * asked)
    expected = np.corrcoef(asked.T.numpy(), got.T.numpy())[:2, 2:]
    np.testing.assert_allclose(followed(asked, got).numpy(), expected, atol=1e-5)


def test_samples_come_to_have_what_is_asked_for_and_others_can_ask(build: Build, lit: Pictures, tmp_path: Path) -> None:
    settings = build("dcgan", properties=("luminance",), property_weight=10.0, images=800, learning_rate=5e-3)
    state = fit_gan(settings, lit, lambda _: None)
    numbers = Steps(settings, state, lit, World()).numbers(settings.steps)
    assert numbers["follows_luminance"] > 0.7
    condition, names = load_condition(tmp_path / "out" / CONDITION)
    assert names == ["luminance"]
    generator = cast(LayeredGenerator, state.averaged)
    z, means = normal(16, 8), []
    for level in (0.3, 0.7):
        codes = asked_codes(generator, condition, z, torch.full((16, 1), level))
        with torch.no_grad():
            means.append(float(scores_of(scorers_of(names), generator.synthesize(codes)[0]).mean()))
    assert means[1] > means[0] + 0.05


def parts_of(state: GanState) -> dict[str, Tensor]:
    parts = {"generator": state.generator, "condition": state.condition, "kept": state.averaged_condition}
    return {
        f"{part}.{name}": value
        for part, each in parts.items()
        for name, value in cast(torch.nn.Module, each).state_dict().items()
    }


def test_a_run_that_asks_ends_in_the_same_bytes_and_with_a_frozen_generator_only_the_condition_moves(
    build: Build, lit: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save_then_stop(settings: GanSettings, state: dict[str, object]) -> None:
        save_checkpoint(settings, state)
        raise KeyboardInterrupt

    other, init = start(build(seed=3)), str(tmp_path / "other.safetensors")
    save_tensors(init, other.averaged.state_dict(), {})
    said: dict[str, Any] = {"pictures": "p", "batch": 8, "images": 48, "checkpoint_every": 3}
    said |= {"freeze": ("generator.*",), "properties": ("luminance", "warmth")}
    whole = fit_gan(transferred(init, output=str(tmp_path / "whole"), **said), lit, lambda _: None)
    cut = transferred(init, output=str(tmp_path / "cut"), **said)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", save_then_stop)
        with pytest.raises(KeyboardInterrupt):
            fit_gan(cut, lit, lambda _: None)
    one, two = parts_of(whole), parts_of(fit_gan(cut, lit, lambda _: None))
    assert [name for name in one if not torch.equal(one[name], two[name])] == []
    assert all(torch.equal(one[f"generator.{name}"], value) for name, value in other.averaged.state_dict().items())
    assert one["condition.gate"].abs().max() > 0


@pytest.fixture
def folder(lit: Pictures, tmp_path: Path) -> str:
    """The pictures as files."""
    (tmp_path / "lit").mkdir()
    for number, each in enumerate(lit.train):
        cv2.imwrite(str(tmp_path / "lit" / f"{number:02d}.png"), each)
    return str(tmp_path / "lit")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A scorer's file in a folder of this machine."""
    path = tmp_path / "home" / "my scorer.safetensors"
    path.parent.mkdir()
    path.write_bytes(embedded_path(EMBEDDED_SCORERS["rooms"].file).read_bytes())
    return path


def test_another_scorer_of_that_name_is_another_run(build: Build, folder: str, own: Path) -> None:
    settings = build(pictures=folder, properties=(f"lighting={own}", "luminance"))
    pictures = read_pictures(settings)
    told = with_digest(settings, pictures)
    assert told.properties_sha256 == (sha256_of(own), "")
    assert with_digest(told, pictures) == told
    fit_gan(told, pictures, lambda _: None)
    tensors, notes = load_tensors(own)
    save_tensors(own, {name: value * 1.01 for name, value in tensors.items()}, notes)
    with pytest.raises(ConfigError, match=r"my scorer\.safetensors: has changed since training began"):
        with_digest(told, pictures)
    with pytest.raises(ConfigError, match="properties_sha256"):
        fit_gan(with_digest(settings, pictures), pictures, lambda _: None)


def test_the_embedded_scorer_has_a_digest_too_and_keeps_its_name() -> None:
    embedded = sha256_of(embedded_path(EMBEDDED_SCORERS["rooms"].file))
    assert known_anywhere(("lighting", "lighting=rooms")) == (("lighting", "lighting=rooms"), (embedded,) * 2)


@pytest.mark.parametrize("digests", [("0",), ("0", "0", "0")])
def test_there_are_as_many_digests_as_properties(digests: tuple[str, ...], build: Build) -> None:
    with pytest.raises(ConfigError, match=r"^properties_sha256: "):
        build(properties=("luminance", "warmth"), properties_sha256=digests)


def test_a_scorer_is_found_from_another_working_directory_and_its_place_is_not_published(
    build: Build, folder: str, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = build(pictures=folder, properties=("lighting=home/my scorer.safetensors",))
    monkeypatch.chdir(own.parent.parent)
    settings = with_digest(settings, read_pictures(settings))
    monkeypatch.chdir(own.parent)
    train_and_export_gan(settings, lambda _: None, World(), Watching(samples=0, judged=0))
    output = Path(settings.output)
    notes = json.loads(load_tensors(output / "generator.safetensors")[1]["training"])
    assert notes["properties"] == ["lighting"]
    assert notes["properties_sha256"] == [sha256_of(own)]
    assert load_condition(output / CONDITION)[1] == ["lighting"]
    page = (output / REPORT_KEY).read_text(encoding="utf-8")
    assert 'alt="Samples asked for lighting"' in page
    published = [each for each in output.rglob("*") if each.is_file() and each.name != CHECKPOINT]
    assert [each.name for each in published if b"my scorer" in each.read_bytes()] == []


def test_another_file_is_no_condition(tmp_path: Path) -> None:
    save_tensors(tmp_path / "none.safetensors", {"gate": torch.zeros(3)}, {})
    with pytest.raises(WeightsError, match="not a condition"):
        load_condition(tmp_path / "none.safetensors")
