"""A mapper of one text: it moves codes towards it, stays at home at first, goes on, and is a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from higan_cam.errors import ConfigError, DataError, WeightsError
from higan_cam.pipeline.directions.texts import Wish
from higan_cam.train.settings import Progress
from higan_cam.train.text.mapper import Mapper, MapperSettings, fit_mapper, load_mapper, save_mapper
from higan_cam.types import SynthesisState
from higan_cam.weights.files import save_tensors
from tests.support.block_generator import BlockGenerator

COLOURS = torch.eye(3)
WISH = Wish(lambda picture: picture.mean(dim=(2, 3)) + torch.tensor([0.1, 0.2, 0.3]), COLOURS[:1], COLOURS[1:2])


class Coloured(BlockGenerator):
    """Draws the mean of its codes' first three numbers as one colour."""

    def synthesize(
        self, w_plus: Tensor, taps: Sequence[int] = (), start: SynthesisState | None = None
    ) -> tuple[Tensor, dict[int, Tensor]]:
        assert not taps
        assert start is None
        return w_plus.mean(dim=1)[:, :3, None, None].expand(-1, -1, 4, 4), {}


def nobody(_: Progress) -> None:
    """Nothing to say."""


@pytest.fixture
def settings(tmp_path: Path) -> MapperSettings:
    return MapperSettings(
        output=str(tmp_path / "out"), text="red", neutral="green", steps=40, checkpoint_every=10, code_weight=0.0
    )


def test_codes_that_it_has_not_seen_go_the_texts_way(settings: MapperSettings) -> None:
    mapper = fit_mapper(settings, Coloured(), WISH, nobody)
    codes = torch.randn(6, 2, 6, generator=torch.Generator().manual_seed(9))
    moved = mapper(codes).mean(dim=1)
    assert (moved[:, 0] > 0).all()
    assert (moved[:, 1] < 0).all()


def test_it_stays_at_home_before_it_has_learned() -> None:
    assert not Mapper(2, 6)(torch.ones(3, 2, 6)).any()


def test_training_goes_on_from_its_checkpoint_to_the_same_weights(settings: MapperSettings, tmp_path: Path) -> None:
    class StoppedError(Exception):
        pass

    class Stopping(Coloured):
        def truncate(self, w: Tensor) -> Tensor:
            Stopping.left -= 1
            if not Stopping.left:
                raise StoppedError
            return super().truncate(w)

        left = 25

    whole = fit_mapper(replace(settings, output=str(tmp_path / "whole")), Coloured(), WISH, nobody)
    with pytest.raises(StoppedError):
        fit_mapper(settings, Stopping(), WISH, nobody)
    again = fit_mapper(settings, Coloured(), WISH, nobody)
    for one, other in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_mapper_is_a_file(settings: MapperSettings, tmp_path: Path) -> None:
    torch.manual_seed(0)
    mapper = Mapper(11, 6)
    torch.nn.init.normal_(mapper.parts[2].get_parameter("4.weight"))
    save_mapper(tmp_path / "m.safetensors", mapper, settings)
    codes = torch.ones(1, 11, 6)
    torch.testing.assert_close(load_mapper(tmp_path / "m.safetensors")(codes), mapper(codes), atol=1e-2, rtol=1e-2)
    save_tensors(tmp_path / "other.safetensors", {"a": torch.zeros(1)}, {})
    with pytest.raises(WeightsError, match="no mapper of a text"):
        load_mapper(tmp_path / "other.safetensors")


def test_a_mapper_that_diverged_is_not_written(settings: MapperSettings, tmp_path: Path) -> None:
    mapper = Mapper(2, 6)
    torch.nn.init.constant_(mapper.parts[0].get_parameter("4.weight"), 1e6)
    with pytest.raises(DataError, match="training diverged"):
        save_mapper(tmp_path / "m.safetensors", mapper, settings)
    assert not (tmp_path / "m.safetensors").exists()


@pytest.mark.parametrize("wrong", [{"seed": -1}, {"learning_rate": 0.0}, {"code_weight": -1.0}, {"batch": 0}])
def test_settings_that_make_no_sense_are_refused(settings: MapperSettings, wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        replace(settings, **wrong)  # type: ignore[arg-type]


def test_texts_that_mean_the_same_are_refused(settings: MapperSettings) -> None:
    with pytest.raises(ConfigError, match="mean the same"):
        fit_mapper(settings, Coloured(), replace(WISH, neutral=WISH.text), nobody)


def test_a_wish_without_a_neutral_text_is_refused(settings: MapperSettings) -> None:
    with pytest.raises(ConfigError, match="say both"):
        fit_mapper(settings, Coloured(), replace(WISH, neutral=None), nobody)
