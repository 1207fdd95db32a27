"""Trainers' entry points: what is wrong is said before the work, by the names of their options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from jobs import train_mapper, train_scorer, train_segmenter, train_text


def said(main: Callable[..., None], *options: str) -> tuple[int, str]:
    """Exit status, and all that is told, in one line."""
    app = typer.Typer()
    app.command()(main)
    found = CliRunner().invoke(app, options, env={"COLUMNS": "200", "NO_COLOR": "1"})
    return found.exit_code, " ".join(found.output.replace("\u2502", " ").split())


@pytest.mark.parametrize("main", [train_text.main, train_scorer.main, train_segmenter.main])
def test_a_seed_below_0_is_refused(main: Callable[..., None], tmp_path: Path) -> None:
    status, told = said(main, "--output", str(tmp_path), "--seed", "-1")
    assert status == 2
    assert "Invalid value for '--seed'" in told


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--to", "a room"), "both texts mean the same"),
        (("--to", "a dark room", "--clip", "/nope"), "/nope: no such weights file; --clip names the file"),
        (("--to", "a dark room", "--clip-arch", "ViT-B-32"), "--clip-arch: 'rooms' is embedded"),
        (("--to", "a dark room", "--generator", "faces"), "has learned from rooms, and generator.weights 'faces'"),
        (("--to", "a dark room", "--seed", "-1"), "--seed"),
    ],
)
def test_what_is_wrong_with_a_mapper_is_said_of_its_options(
    options: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    if "/nope" in options:
        pytest.importorskip("open_clip")
    status, told = said(train_mapper.main, "--output", str(tmp_path), "--from", "a room", *options)
    assert status == 2
    assert words in told
    assert "scorer." not in told
    assert not list(tmp_path.iterdir())
