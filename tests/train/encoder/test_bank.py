"""Samples are drawn once, whoever draws them and however often the drawing is interrupted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from higan_cam.train.encoder import bank as module
from higan_cam.train.encoder.bank import kept_samples, rows_of_step, training_samples
from higan_cam.train.encoder.samples import Samples, Source
from higan_cam.train.encoder.settings import EncoderSettings
from higan_cam.train.settings import Progress, World
from tests.train.encoder.conftest import Build


def ignore(_: Progress) -> None:
    """Nobody watches."""


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 8)


def same(left: Samples, right: Samples) -> bool:
    return np.array_equal(left.white, right.white) and np.array_equal(left.pictures, right.pictures)


def test_what_is_kept_are_the_samples(build: Build, source: Source) -> None:
    kept, drawn = kept_samples(build(), source, ignore, World()), training_samples(build(), source, range(20))
    assert len(kept) == 20
    np.testing.assert_allclose(kept.white, drawn.white, atol=1e-5)


def test_workers_draw_the_same_samples_between_them(
    build: Build, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = kept_samples(build(output=str(tmp_path / "alone")), source, ignore, World())
    waited = list[int]()

    def other_draws() -> None:
        waited.append(len(list(tmp_path.glob("out/samples/*"))))
        monkeypatch.setattr("torch.distributed.barrier", lambda: None)
        kept_samples(build(), source, ignore, World(1, 2))

    monkeypatch.setattr("torch.distributed.barrier", other_draws)
    together = kept_samples(build(), source, ignore, World(0, 2))
    assert waited == [2]  # of three chunks, every other one
    assert same(together, alone)


def test_only_what_is_missing_damaged_or_of_other_settings_is_drawn(
    build: Build, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = build()
    whole = kept_samples(settings, source, ignore, World())
    (tmp_path / "out/samples/00001.safetensors").unlink()
    (tmp_path / "out/samples/00002.safetensors").write_bytes(b"half")
    drawn, real = list[int](), module._draw_chunk

    def note(settings: EncoderSettings, source: Source, chunk: int) -> None:
        drawn.append(chunk)
        real(settings, source, chunk)

    monkeypatch.setattr(module, "_draw_chunk", note)
    assert same(kept_samples(settings, source, ignore, World()), whole)
    assert drawn == [1, 2]
    kept_samples(replace(settings, seed=1), source, ignore, World())
    assert drawn[2:] == [0, 1, 2]


def test_every_epoch_sees_every_sample_once_in_an_order_of_its_own(build: Build) -> None:
    settings = build(samples=24)
    epochs = [[row for step in range(3) for row in rows_of_step(settings, 3 * epoch + step)] for epoch in range(2)]
    assert [sorted(epoch) for epoch in epochs] == [list(range(24))] * 2
    assert epochs[0] != epochs[1]
    assert len(rows_of_step(build(samples=5), 0)) == 8  # more than an epoch in a step
