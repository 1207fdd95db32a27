"""Properties by name and target, on faces: pictures without one teach nothing, and what was not asked for can stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from higan_cam.errors import ConfigError, DataError
from higan_cam.generate import load_generator, to_uint8
from higan_cam.label.properties import scorer as property_scorers
from higan_cam.label.segmenters import Segmentation
from higan_cam.label.segmenters.segmenter import NO_FACE
from higan_cam.train.gan.fit import fit_gan
from higan_cam.train.gan.pictures import Pictures
from higan_cam.train.gan.settings import GanSettings
from higan_cam.train.gan.state import start
from higan_cam.train.gan.steering.conditions import Condition, learn_condition
from higan_cam.train.gan.steering.properties import (
    check_slopes,
    followed,
    known_anywhere,
    missed,
    names_of,
    scorers_of,
    scores_of,
)
from higan_cam.train.gan.steering.sheets import CODES, LEVELS, asked_for
from higan_cam.train.gan.steps import Steps
from higan_cam.train.gan.transfer import transferred
from higan_cam.train.settings import World
from higan_cam.weights.files import save_tensors, sha256_of
from tests.support.drawn_faces import ColourSegmenter, drawn_labels, picture_of

Build = Callable[..., GanSettings]
FACE = ("property:hair_color", "property:background_mean")


@pytest.fixture
def segmenter(monkeypatch: pytest.MonkeyPatch) -> ColourSegmenter:
    """What every file that is named stands for."""
    made = ColourSegmenter()
    monkeypatch.setattr(property_scorers, "load_segmenter", lambda _: made)
    return made


@pytest.fixture
def drawn() -> Pictures:
    """16 faces of 32 px, brighter and brighter."""
    every = to_uint8(torch.cat([picture_of(drawn_labels(32)) + 0.01 * number - 0.1 for number in range(16)]))
    return Pictures(every, every[:0], "0" * 64, ())


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(4))


def test_a_property_is_named_with_its_target_and_its_segmenters_file_stays_on_this_machine(
    segmenter: ColourSegmenter,
) -> None:
    named = ("property:mouth=a folder/segmenter.onnx#lapa", "property:yaw", "luminance", "lighting=rooms")
    assert names_of(named) == ["property:mouth", "property:yaw", "luminance", "lighting"]
    assert [scorer.attribute for scorer in scorers_of(named)[:2]] == ["mouth", "yaw"]


def test_what_looks_with_one_segmenter_looks_once(segmenter: ColourSegmenter) -> None:
    scorers = scorers_of(("property:mouth", "property:eyes", "luminance"))
    pictures = torch.cat([picture_of(drawn_labels(mouth=each)) for each in (0.2, 0.8)])
    scores = scores_of(scorers, pictures)
    assert segmenter.calls == 1
    assert scores.shape == (2, 3)
    assert scores[1, 0] > scores[0, 0]


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("property:nostrils", r"property 'property:nostrils': .*nostrils.* measures eyes, mouth, "),
        ("property", r"property 'property': scorer.target: property needs one"),
        ("luminance:mouth", r"property 'luminance:mouth': scorer.target: luminance has no use for it"),
        ("proberty:mouth", r"property 'proberty:mouth': .*property"),
    ],
)
def test_what_is_wrong_with_a_name_is_said(named: str, expected: str, segmenter: ColourSegmenter) -> None:
    with pytest.raises(ConfigError, match=expected):
        scorers_of((named,))


def test_a_segmenter_that_has_no_slope_is_refused_before_training(
    segmenter: ColourSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_slopes(FACE)
    found = segmenter.segment

    def without(image: Tensor) -> Segmentation:
        return found(image.detach())

    monkeypatch.setattr(segmenter, "segment", without)
    with pytest.raises(ConfigError, match=r"'property:hair_color': its scores have no slope"):
        check_slopes(FACE)


def test_another_segmenter_of_that_name_is_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.safetensors"
    file.write_bytes(b"one")
    names, digests = known_anywhere(("property:mouth=mine.safetensors#lapa",))
    assert (names, digests) == ((f"property:mouth={file}#lapa",), (sha256_of(file),))
    file.write_bytes(b"other")
    with pytest.raises(ConfigError, match=r"mine\.safetensors#lapa: has changed since training began"):
        known_anywhere(names, digests)


def test_pictures_without_a_face_count_in_no_statistic() -> None:
    scores = normal(50, 2)
    scores[::3, 1] = torch.nan
    one, other = Condition(2, 8), Condition(1, 8)
    one.learn(scores, ["a", "b"])
    other.learn(scores[~scores[:, 1].isnan(), 1:], ["b"])
    for name in ("mean", "spread", "levels"):
        torch.testing.assert_close(getattr(one, name)[1], getattr(other, name)[0])
    with pytest.raises(DataError, match="b can be read in 1 of 9 pictures"):
        one.learn(torch.where(torch.arange(9)[:, None] == 4, normal(9, 2), torch.nan), ["b", "b"])


def test_samples_without_a_face_teach_nothing() -> None:
    got, asked = normal(6, 2).requires_grad_(), normal(6, 2)
    lost = torch.where(torch.arange(6)[:, None] < 2, torch.nan, got)
    missed(lost, asked).backward()
    assert got.grad is not None
    torch.testing.assert_close(got.grad[:2], torch.zeros(2, 2))
    torch.testing.assert_close(got.grad[2:], 2 * (got - asked)[2:].detach() / 12)
    assert float(missed(torch.full((3, 2), torch.nan), asked[:3])) == 0


def test_correlations_leave_out_what_could_not_be_read() -> None:
    asked, got = normal(40, 2), normal(40, 2)
    got[10:, 1] = torch.nan
    expected = np.corrcoef(asked[:10].T.numpy(), got[:10, 1].numpy())[:2, 2]
    np.testing.assert_allclose(followed(asked, got)[:, 1].numpy(), expected, atol=1e-5)
    assert followed(asked, torch.full((40, 1), torch.nan)).tolist() == [[0.0], [0.0]]


def faces_from(init: str, output: Path, **said: Any) -> GanSettings:
    usual: dict[str, Any] = {"pictures": "faces", "batch": 8, "images": 64, "properties": FACE, "mixing": 0.0}
    return transferred(init, output=str(output), **(usual | {"freeze": ("generator.*",)} | said))


@pytest.fixture
def init(build: Build, tmp_path: Path) -> str:
    """A generator's file; what it draws are no faces."""
    found = start(build(side=32, channels=(8, 8, 8, 8), seed=1)).averaged
    save_tensors(tmp_path / "init.safetensors", found.state_dict(), {})
    return str(tmp_path / "init.safetensors")


def test_a_frozen_generator_of_faces_draws_as_before_to_the_bit_and_learns_beside_faceless_samples(
    init: str, segmenter: ColourSegmenter, drawn: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = segmenter.segment

    def every_other(image: Tensor) -> Segmentation:
        problems = tuple(("", NO_FACE)[number % 2] for number in range(len(image)))
        return replace(found(image), problems=problems)

    monkeypatch.setattr(segmenter, "segment", every_other)
    settings = faces_from(init, tmp_path / "out", properties=(*FACE, "luminance"))
    state = start(settings)
    learn_condition(cast(Condition, state.condition), settings.properties, drawn.train, "cpu")
    steps = Steps(settings, state, drawn, World())
    with torch.no_grad():
        asked, plain = (
            steps._samples(0, state.generator, slice(0, 8), exact=True, asks=each)[0] for each in (True, False)
        )
    assert torch.equal(asked, plain)
    trained = fit_gan(settings, drawn, lambda _: None)
    before, after = cast(Any, load_generator(init)).state_dict(), trained.generator.state_dict()
    assert [name for name in before if not torch.equal(before[name], after[name])] == []
    learned = cast(Condition, trained.condition).state_dict()
    assert all(bool(each.isfinite().all()) for each in learned.values())
    assert learned["gate"].abs().max() > 0
    assert not torch.equal(learned["reach"], torch.eye(len(learned["gate"])))
    numbers = Steps(settings, trained, drawn, World()).numbers(settings.steps)
    assert numbers["unread_property:hair_color"] == 0.5
    assert "unread_luminance" not in numbers


def test_what_was_not_asked_for_stays_more_where_that_is_wanted(
    init: str, segmenter: ColourSegmenter, drawn: Pictures, tmp_path: Path
) -> None:
    moved = []
    for weight in (0.0, 30.0):
        said: dict[str, Any] = {"keep_weight": weight, "property_weight": 0.0, "images": 64, "learning_rate": 1e-2}
        settings = faces_from(init, tmp_path / f"{weight}", **said)
        state = start(settings)
        for condition in (cast(Condition, state.condition), cast(Condition, state.averaged_condition)):
            learn_condition(condition, FACE, drawn.train, "cpu")
            torch.nn.init.constant_(condition.gate, 0.5)
        steps = Steps(settings, state, drawn, World())
        for number in range(settings.steps):
            steps.take(number)
        with torch.no_grad():
            samples = steps._samples(900, state.generator, steps.mine)[0]
            moved.append(float(steps._moved(900, samples, exact=False)))
    assert moved[1] < 0.9 * moved[0]


def test_sheets_show_a_code_as_it_is_in_the_middle(build: Build) -> None:
    settings = build(properties=("property:mouth=a file", "luminance"))
    state = start(settings)
    condition = cast(Condition, state.condition)
    torch.nn.init.constant_(condition.gate, 3.0)
    sheets = asked_for(settings, state.averaged, condition)
    assert list(sheets) == ["property:mouth", "luminance"]
    rows = {name: each.reshape(CODES, len(LEVELS), 8, 8, 3) for name, each in sheets.items()}
    assert np.array_equal(rows["luminance"][:, 2], rows["property:mouth"][:, 2])
    assert not np.array_equal(rows["luminance"][:, 0], rows["luminance"][:, 4])
    assert not np.array_equal(rows["luminance"][:, 0], rows["property:mouth"][:, 0])
