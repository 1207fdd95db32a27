"""What is said at the end, and the command that goes on from there."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from higan_cam.app.by_hand.labels import Answers
from higan_cam.app.by_hand.words import Words, agreement_text, end_lines, next_command
from higan_cam.errors import ConfigError
from jobs import train_labeller
from tests.app.by_hand.conftest import WORDS


def test_agreement_has_its_interval_and_is_not_claimed_of_nothing() -> None:
    labels = dict.fromkeys(range(100), 1)
    same = {index: int(index >= 2) for index in range(20)}
    # Clopper and Pearson of 18 in 20: .683 to .988.
    assert agreement_text(Answers(labels, [], dict(same))) == "18 of 20 that were shown twice: 90% [68%, 99%]"
    assert agreement_text(Answers(labels, [], {3: None})) == ""


def test_the_end_says_how_far_it_is_and_what_comes_next() -> None:
    assert list(end_lines(Answers(), WORDS)) == ["labelled 0 of 12 (yes 0, no 0) in labels.csv"]
    lines = list(end_lines(Answers({1: 1, 2: 0, 3: 0}, [4], {1: 1}), WORDS))
    assert lines[0] == "labelled 3 of 12 (yes 1, no 2, 1 skipped) in labels.csv"
    assert [line.split()[0] for line in lines] == ["labelled", "agreed", "next"]
    assert lines[2] == f"next     {WORDS.next}"


def test_the_next_command_can_be_pasted() -> None:
    words = shlex.split(next_command("runs/my run", Path("a b.csv"), "cosy"))
    assert words[:3] == ["python", "-m", "jobs.train_labeller"]
    job = typer.Typer()
    job.command()(train_labeller.main)
    given = get_command(job).make_context("train_labeller", words[3:]).params
    assert (given["run"], given["labels"], given["attribute"]) == ("runs/my run", "a b.csv", "cosy")
    assert given["output"] == Path("runs/labeller-cosy")


@pytest.mark.parametrize(("name", "yes", "no"), [(" ", "yes", "no"), ("cosy", "", "no"), ("cosy", "yes", "yes")])
def test_words_that_cannot_be_told_apart_are_refused(name: str, yes: str, no: str) -> None:
    with pytest.raises(ConfigError, match="--"):
        Words(name, yes, no, 12, 0.05, "labels.csv", "")
