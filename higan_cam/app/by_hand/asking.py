"""Who is asked what: a seeded order, some of it twice, each tab something else, and a way back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from higan_cam.app.by_hand.labels import Answers, LabelFile

APART = 20
"""Answers that lie between a picture and its second showing, where there are so many."""


@dataclass(frozen=True)
class Asked:
    """A question.

    Attributes:
        index: of the latent.
        again: whether it has its label already, and is asked once more to see whether the answer is the same.
    """

    index: int
    again: bool = False


@dataclass(frozen=True)
class Plan:
    """What is to be asked.

    Attributes:
        latents: of the run. count: how many of them shall have a label, at most all.
        repeat: share of the labels that is asked twice, 0 to 0.5.
        seed: of the order, and of what is asked twice.
    """

    latents: int
    count: int
    repeat: float = 0.05
    seed: int = 0

    @cached_property
    def order(self) -> list[int]:
        """Every latent once. The same for any count, so that a larger one goes on."""
        drawn: list[int] = np.random.Generator(np.random.Philox(key=[self.seed, 0])).permutation(self.latents).tolist()
        return drawn

    def second(self, labelled: list[int], number: int) -> int:
        """Which of these to ask twice, as the number-th."""
        chooser = np.random.Generator(np.random.Philox(key=[self.seed, number + 1]))
        return labelled[int(chooser.integers(len(labelled)))]


class Round:
    """The questions of one server, on one file; several tabs are asked different ones.

    What somebody has said is in the file alone, which may change meanwhile. Here is who was asked what, and the way
    back. Not for several threads at once.
    """

    def __init__(self, plan: Plan, file: LabelFile) -> None:
        """Raises: what `LabelFile.change` raises; the file is there afterwards."""
        self._plan, self._file = plan, file
        self._held: dict[str, list[Asked]] = {}
        with file.change() as before:  # whether it can be written is said before anybody has answered
            known = [*map(Asked, before.skipped), *(Asked(index, True) for index in before.again)]
            self._past = [("", asked) for asked in (*known, *map(Asked, before.labels))]

    def answers(self) -> Answers:
        """What has been said so far."""
        return self._file.read()

    def ahead(self, tab: str, most: int) -> list[Asked]:
        """The next questions of a tab, the first of them now; none where everything is done."""
        answers = self.answers()
        held = [asked for asked in self._held.get(tab, []) if not _is_answered(asked, answers)]
        self._held[tab] = held
        while len(held) < most and (asked := self._next(answers)) is not None:
            held.append(asked)
        if not held and len(answers.labels) < self._plan.count:
            held += self._taken_over(tab, answers)
        return held[:most]

    def answer(self, tab: str, asked: Asked, label: int | None) -> str:
        """Keep an answer, None for a skip; what is to be said about it, "" where it is all as expected."""
        said = ""
        with self._file.change() as answers:
            if _is_answered(asked, answers):
                kept = answers.again.get(asked.index) if asked.again else answers.labels.get(asked.index)
                if kept != label:
                    said = f"Latent {asked.index} was answered in another tab meanwhile; that answer was kept."
            else:
                _put(answers, asked, label)
                self._past.append((tab, asked))
        for held in self._held.values():
            if asked in held:
                held.remove(asked)
        return said

    def undo(self, tab: str) -> Asked | None:
        """Take back the last answer of this tab, or else the last of all; None where there is none left."""
        with self._file.change() as answers:
            while self._past:
                own = [place for place, event in enumerate(self._past) if event[0] == tab]
                _, asked = self._past.pop(own[-1] if own else -1)
                if _take_back(answers, asked):
                    self._held.setdefault(tab, []).insert(0, asked)
                    return asked
        return None

    def _next(self, answers: Answers) -> Asked | None:
        """A question that nobody has; None where there is none."""
        held = {asked for each in self._held.values() for asked in each}
        labelled = list(answers.labels)
        given = len(answers.again) + sum(asked.again for asked in held)
        if int(self._plan.repeat * len(labelled)) > given:
            apart = min(APART, len(labelled) // 2)
            taken = answers.again.keys() | {asked.index for asked in held}
            free = [index for index in labelled[: len(labelled) - apart] if index not in taken]
            if free:
                return Asked(self._plan.second(free, given), True)
        fresh = sum(not asked.again and asked.index not in answers.labels for asked in held)
        if len(labelled) + fresh >= self._plan.count:
            return None
        return next(self._unasked(answers, held), None)

    def _unasked(self, answers: Answers, held: set[Asked]) -> Iterator[Asked]:
        skipped = set(answers.skipped)
        for index in self._plan.order:
            asked = Asked(index)
            if index not in answers.labels and index not in skipped and asked not in held:
                yield asked

    def _taken_over(self, tab: str, answers: Answers) -> list[Asked]:
        """What other tabs have left open; they may be closed."""
        return [
            asked
            for other, each in self._held.items()
            for asked in each
            if other != tab and not _is_answered(asked, answers)
        ]


def _is_answered(asked: Asked, answers: Answers) -> bool:
    """A second answer is also none any more where the first was taken back."""
    if asked.again:
        return asked.index in answers.again or asked.index not in answers.labels
    return asked.index in answers.labels or asked.index in answers.skipped


def _put(answers: Answers, asked: Asked, label: int | None) -> None:
    if asked.again:
        answers.again[asked.index] = label
    elif label is None:
        answers.skipped.append(asked.index)
    else:
        answers.labels[asked.index] = label


def _take_back(answers: Answers, asked: Asked) -> bool:
    """Whether there was something to take back."""
    if asked.again:
        there = asked.index in answers.again
        answers.again.pop(asked.index, None)
        return there
    if asked.index in answers.skipped:
        answers.skipped.remove(asked.index)
        return True
    answers.again.pop(asked.index, None)
    return answers.labels.pop(asked.index, None) is not None
