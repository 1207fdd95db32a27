"""`higan-cam doctor` says what is here, and writes a calibration without losing a word of the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from higan_cam.cli.doctor import precision_line, write_micro_batches
from higan_cam.errors import ConfigError, StoreError
from higan_cam.runtime.micro_batches import OfPrecision
from tests.support.commands import Command

FOUND = {"label": 8, "mask": 4}


def test_doctor_names_versions_and_the_digests_of_the_embedded_weights(higan_cam: Command) -> None:
    status, out, _ = higan_cam("doctor")
    assert status == 0
    for word in ("torch", "ray", "processors", "GPUs", "rooms_generator.safetensors"):
        assert word in out


@pytest.mark.parametrize(("rate", "advised"), [(150.0, True), (104.0, False), (60.0, False)])
def test_bfloat16_is_advised_where_it_is_faster_with_what_it_costs(rate: float, advised: bool) -> None:
    line = precision_line(OfPrecision({"float32": 100.0, "bfloat16": rate}, 0.003, 0.022))
    assert ("--set generator.precision=bfloat16" in line) == advised
    assert "0.0030 apart on average, 0.0220 at most, over 256 latents" in line


def test_writing_without_measuring_is_refused(higan_cam: Command, tmp_path: Path) -> None:
    status, _, err = higan_cam("doctor", "--write", str(tmp_path / "new.yaml"))
    assert status == 2
    assert "--calibrate" in err
    assert not (tmp_path / "new.yaml").exists()


def test_the_fastest_sizes_are_put_beside_what_the_file_holds(tmp_path: Path) -> None:
    target = tmp_path / "run.yaml"
    target.write_text("output: runs/mine\nlabel:\n  count: 5000\n  micro_batch: 64\n")
    write_micro_batches(target, FOUND)
    assert yaml.safe_load(target.read_text()) == {
        "output": "runs/mine",
        "label": {"count": 5000, "micro_batch": 8},
        "mask": {"micro_batch": 4},
    }


def test_a_new_file_starts_as_the_configuration_that_was_measured(tmp_path: Path) -> None:
    base, target = tmp_path / "base.yaml", tmp_path / "deeper" / "new.yaml"
    base.write_text("seed: 7\n")
    write_micro_batches(target, FOUND, base=base)
    assert yaml.safe_load(target.read_text())["seed"] == 7
    assert base.read_text() == "seed: 7\n"


@pytest.mark.parametrize("body", ["- a list\n", "labell:\n  count: 3\n", "label: [\n"])
def test_a_file_that_is_no_configuration_is_left_as_it_is(body: str, tmp_path: Path) -> None:
    target = tmp_path / "notes.yaml"
    target.write_text(body)
    with pytest.raises(ConfigError):
        write_micro_batches(target, FOUND)
    assert target.read_text() == body


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        write_micro_batches(tmp_path / "file" / "new.yaml", FOUND)
