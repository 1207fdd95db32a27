"""`curate` and `inspect` from the command line: what they say, what they leave, and mistakes without traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from higan_cam.label.labelled.networks import make_classifier
from higan_cam.label.labelled.scorer import LabellerFacts, save_labeller
from higan_cam.store.store import open_store
from tests.support.commands import Command
from tests.support.samples import commit_run, sample_of


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run on disk."""
    folder = tmp_path_factory.mktemp("curation") / "run"
    commit_run(open_store(folder), [sample_of(index) for index in range(6)])
    return folder


def test_curate_says_what_goes_and_why(higan_cam: Command, run: Path) -> None:
    _, told, _ = higan_cam("curate", str(run), "--set", "curation.min_coverage=0.6", "--name", "wide")
    assert "coverage below 0.6" in told
    assert "kept     0 of 6 samples" in told
    assert (run / "curation/wide.parquet").is_file()


def test_curate_asks_the_runs_scorer_for_its_levels(higan_cam: Command, run: Path) -> None:
    _, told, _ = higan_cam("curate", str(run), "--set", "curation.balance=1", "--name", "even")
    assert "level    bright: 6 of 6" in told


def test_curate_asks_a_labeller_and_says_its_precision(higan_cam: Command, run: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    states = [make_classifier("resnet18", 16, 4).state_dict() for _ in range(2)]
    facts = LabellerFacts(attribute="good", backbone="resnet18", side=16, width=4, folds=2, temperature=1.0)
    held_out = (torch.tensor([-3.0, 3.0, 3.0, 4.0]), torch.tensor([0, 0, 1, 1]))
    save_labeller(tmp_path / "labeller.safetensors", facts, states, held_out)
    rules = ("--set", f"curation.labeller={tmp_path}", "--set", "curation.min_probability=0.9")
    _, told, _ = higan_cam("curate", str(run), *rules, "--name", "good")
    assert "expected min_probability: precision 66.7% [20.8, 93.9], from 3 of 4 held-out labels" in told
    kept = json.loads((run / "curation/good.json").read_text())["expected"]["min_probability"]
    assert (kept["passing"], kept["held_out"], len(kept["sha256"])) == (3, 4, 64)


def test_inspect_draws_a_sheet(higan_cam: Command, run: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "new" / "sheet.png"
    _, told, _ = higan_cam("inspect", str(run), "--where", "index < 4", "--count", "1", "--to", str(sheet))
    assert "passing  4 of 6 samples" in told
    assert sheet.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "said", "status"),
    [
        (["curate", "--set", "curation.min_retenton=1"], "Did you mean 'min_retention'?", 2),
        (["curate", "--name", "../x"], "letters, digits", 2),
        (["inspect", "--where", "retenton > 1"], "Did you mean 'retention'?", 2),
        (["inspect", "--where", "retention > 9"], "none of 6 samples passes", 1),
        (["inspect", "--selection", "missing"], "selection", 2),
        (["inspect", "--to", "/proc/sheet.png"], "--to /proc/sheet.png", 1),
    ],
)
def test_a_mistake_is_one_message(arguments: list[str], said: str, status: int, higan_cam: Command, run: Path) -> None:
    code, _, told = higan_cam(arguments[0], str(run), *arguments[1:])
    assert code == status
    assert said in " ".join(told.split())
    assert "Traceback" not in told
