"""A run that chooses its attribution, on a real local Ray: chosen once, written down, and read by whoever goes on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from higan_cam.config import RunConfig
from higan_cam.publish.chosen import choice_from
from higan_cam.runtime.remake import remake_shards
from higan_cam.runtime.run import run_stages
from higan_cam.store import open_store, verify_run
from tests.support.small_runs import digests, session_folder

pytestmark = pytest.mark.integration
CHOOSING = (
    "label.count=80",
    "mask.count=8",
    "attribution.name=auto",
    "attribution.pilot=8",
    "attribution.candidates=[activation_difference,colour_change]",
)
Build = Callable[..., RunConfig]


@pytest.fixture(scope="session")
def chosen_run(tmp_path_factory: pytest.TempPathFactory, local_ray: None, small_config: Build) -> Path:
    """One finished run that chose between two methods. Read only."""
    output = session_folder(tmp_path_factory) / "chosen" / "run"
    with FileLock(f"{output.parent}.lock"):
        if not (output / "report" / "index.html").exists():
            assert run_stages(small_config(output, *CHOOSING)).problems == []
    return output


def recorded(output: Path) -> dict[str, object]:
    record: dict[str, object] = json.loads((output / "run.json").read_text())["attribution"]
    return record


def test_a_run_says_what_it_has_chosen_and_by_what(chosen_run: Path) -> None:
    choice = choice_from(recorded(chosen_run))
    assert (choice.name, choice.samples) == ("colour_change", 8)
    page, card = (chosen_run / "report/index.html").read_text(), (chosen_run / "README.md").read_text()
    assert "colour_change (chosen by the run)" in page
    assert "`colour_change` gives the heat map" in card
    assert verify_run(open_store(str(chosen_run))) == []
    remade = remake_shards(open_store(str(chosen_run)), 99, tell=lambda _: None)
    assert {shard.verdict for shard in remade} == {"identical"}


def without(output: Path, *names: str) -> None:
    """Take away what a run that was killed had not written yet."""
    for name in ("data", "report", "README.md", *names):
        path = output / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for entry in (output / "manifest").glob("data-*"):
        entry.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("written", [True, False])
def test_a_run_that_was_stopped_ends_with_the_same_bytes(
    written: bool, chosen_run: Path, tmp_path: Path, small_config: Build
) -> None:
    output = tmp_path / "moved"
    shutil.copytree(chosen_run, output)
    without(output)
    if not written:
        run = json.loads((output / "run.json").read_text())
        del run["attribution"]
        (output / "run.json").write_text(json.dumps(run, sort_keys=True, indent=2, ensure_ascii=False) + "\n")
    assert run_stages(small_config(output, *CHOOSING)).problems == []
    assert digests(output) == digests(chosen_run)
    assert recorded(output) == recorded(chosen_run)


@pytest.mark.slow
def test_what_is_written_down_counts_whatever_would_be_chosen_now(
    chosen_run: Path, tmp_path: Path, small_config: Build
) -> None:
    output = tmp_path / "other"
    shutil.copytree(chosen_run, output)
    without(output)
    run = json.loads((output / "run.json").read_text())
    run["attribution"]["name"] = "activation_difference"
    (output / "run.json").write_text(json.dumps(run))
    run_stages(small_config(output, *CHOOSING))
    named = tmp_path / "named"
    run_stages(small_config(named, "label.count=80", "mask.count=8", "attribution.name=activation_difference"))
    assert digests(output)["data/train-00000-of-00002.parquet"] == digests(named)["data/train-00000-of-00002.parquet"]
