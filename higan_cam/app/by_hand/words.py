"""What the page and its command say: what the label is called, how far somebody is, what comes next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from higan_cam.app.by_hand.labels import Answers
from higan_cam.errors import ConfigError
from higan_cam.measure.generation.verdicts import share_interval


@dataclass(frozen=True)
class Words:
    """What the page says.

    Attributes:
        name: of the label. yes, no: what 1 and 0 mean.
        count: how many labels are wanted. repeat: share of them that is asked twice.
        file: where they are. next: the command that learns from them.
    """

    name: str
    yes: str
    no: str
    count: int
    repeat: float
    file: str
    next: str

    def __post_init__(self) -> None:
        """ConfigError: a word is missing, or both answers are one."""
        for option, word in (("--name", self.name), ("--yes", self.yes), ("--no", self.no)):
            if not word.strip():
                raise ConfigError(f"{option} is empty; the page asks with it, so give it a word")
        if self.yes == self.no:
            raise ConfigError(f"--yes and --no are both {self.yes!r}; give two words")


def next_command(run: str, labels: Path, name: str) -> str:
    """The command that learns from the labels."""
    given = {"--run": run, "--labels": str(labels), "--attribute": name, "--output": f"runs/labeller-{name}"}
    return shlex.join(["python", "-m", "jobs.train_labeller", *(word for pair in given.items() for word in pair)])


def agreement_text(answers: Answers) -> str:
    """How often somebody has said the same twice, with its exact 95% interval; "" where nothing was asked twice."""
    same, twice = answers.agreement()
    if not twice:
        return ""
    share = share_interval(same, twice)
    return f"{same} of {twice} that were shown twice: {share.value:.0%} [{share.low:.0%}, {share.high:.0%}]"


def end_lines(answers: Answers, words: Words) -> Iterator[str]:
    """How far it is, what the labels are worth, and what to do with them."""
    yes = sum(answers.labels.values())
    sides = f"{words.yes} {yes:,}, {words.no} {len(answers.labels) - yes:,}"
    skipped = f", {len(answers.skipped):,} skipped" if answers.skipped else ""
    yield f"labelled {len(answers.labels):,} of {words.count:,} ({sides}{skipped}) in {words.file}"
    if agreed := agreement_text(answers):
        yield f"agreed   {agreed}"
    if answers.labels:
        yield f"next     {words.next}"
