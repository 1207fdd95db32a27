"""The file of labels, `index,label`, and the notes beside it. What is on disk is the truth; every change is a new file.

Notes (FILE.json): what the labels are of, what was skipped, and what was answered a second time. The table itself has
nothing but labels, so that whatever trains on it needs to know nothing of this page.
"""

from __future__ import annotations

import fcntl
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from higan_cam.errors import DataError, RunMismatchError, StoreError
from higan_cam.files import replace_whole
from higan_cam.label.labelled.pictured import NOTES, differences
from higan_cam.label.labelled.table import INDEX, LABEL, read_table

HEADER = (INDEX, LABEL)
_OTHERWISE = "Mend it, or choose another --output"


@dataclass
class Answers:
    """What somebody has said so far.

    Attributes:
        labels: {latent: 1 or 0}, in the order of the table, which is that of the answers.
        skipped: latents that were passed over, in order; none of them has a label.
        again: {latent: second answer, or None where that was skipped}; each has a label.
    """

    labels: dict[int, int] = field(default_factory=dict)
    skipped: list[int] = field(default_factory=list)
    again: dict[int, int | None] = field(default_factory=dict)

    def copy(self) -> Answers:
        """The same, to be changed."""
        return Answers(dict(self.labels), list(self.skipped), dict(self.again))

    def agreement(self) -> tuple[int, int]:
        """How many second answers are the first ones, and how many there are."""
        pairs = [(self.labels[index], second) for index, second in self.again.items() if second is not None]
        return sum(first == second for first, second in pairs), len(pairs)


@dataclass(frozen=True)
class LabelFile:
    """A table of labels and its notes.

    Attributes:
        path: of the table.
        latents: how many the run has.
        of: what makes a picture of a latent's number, and the name of the label; the notes have it.
    """

    path: Path
    latents: int
    of: Mapping[str, Any]
    _known: dict[tuple[bytes, bytes], Answers] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What the bytes say that were read or written last: tens of thousands of lines take a while."""

    def read(self) -> Answers:
        """What is there; nothing where there is no file.

        Raises:
            DataError: it is no table of labels of this run.
            RunMismatchError: its notes say that it is of other pictures, or of another label.
            StoreError: it cannot be read.
        """
        try:
            table = self.path.read_bytes() if self.path.exists() else b""
            notes = self.notes.read_bytes() if self.notes.exists() else b""
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be read ({error.strerror})") from error
        known = self._known.get((table, notes))
        if known is None:
            known = self._parsed(table, notes)
            self._remember(table, notes, known)
        return known.copy()

    @contextmanager
    def change(self) -> Iterator[Answers]:
        """What is there, to be changed in the block, and then written; nobody else changes it meanwhile.

        Raises:
            StoreError: it cannot be written; also what `read` raises.
        """
        try:
            with _alone_in(self.path.parent):
                answers = self.read()
                yield answers
                self._write(answers)
        except OSError as error:
            raise StoreError(
                f"{self.path}: cannot be written ({error.strerror}); free some space or choose another --output"
            ) from error

    @property
    def notes(self) -> Path:
        """The file beside it."""
        return self.path.with_name(self.path.name + NOTES)

    def _write(self, answers: Answers) -> None:
        rows = "".join(f"{index},{label}\n" for index, label in answers.labels.items())
        again = {str(index): second for index, second in answers.again.items()}
        said = {"of": dict(self.of), "skipped": answers.skipped, "again": again}
        table, notes = f"{','.join(HEADER)}\n{rows}".encode(), f"{json.dumps(said, indent=1)}\n".encode()
        _replace(self.notes, notes)
        _replace(self.path, table)
        self._remember(table, notes, answers.copy())

    def _remember(self, table: bytes, notes: bytes, answers: Answers) -> None:
        self._known.clear()
        self._known[table, notes] = answers

    def _parsed(self, table: bytes, notes: bytes) -> Answers:
        labels = self._labels(table)
        skipped, again = self._noted(notes)
        return Answers(
            labels,
            [index for index in dict.fromkeys(skipped) if index not in labels and 0 <= index < self.latents],
            {index: second for index, second in again.items() if index in labels},
        )

    def _labels(self, table: bytes) -> dict[int, int]:
        """Only what has these two columns goes on: others would be lost with the next answer."""
        if not table.strip():
            return {}
        try:
            read = read_table(io.BytesIO(table), self.latents)
        except ValueError as error:
            raise DataError(f"{self.path}: not a table of labels of this run: {error}\n{_OTHERWISE}") from error
        if read.columns > len(HEADER):
            raise DataError(
                f"{self.path}: has lines of {read.columns} cells, expected {','.join(HEADER)!r} alone. {_OTHERWISE}"
            )
        return {index: int(label) for index, label in read.labels.items()}

    def _noted(self, notes: bytes) -> tuple[list[int], dict[int, int | None]]:
        """Skipped latents and second answers."""
        if not notes:
            return [], {}
        try:
            said = json.loads(notes)
            of = dict(said["of"])
            skipped = [int(index) for index in said["skipped"]]
            again = {int(index): None if second is None else int(second) for index, second in said["again"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DataError(
                f"{self.notes}: these are not the notes of a table of labels ({error!r}); move the file away, and all "
                "that is lost is what was skipped and what was answered twice"
            ) from error
        if other := differences(of, self.of):
            raise RunMismatchError(
                f"{self.path} has labels of something else: {other} ({self.notes.name} says so); choose "
                "another --output"
            )
        return skipped, again


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole, where it has changed; a link is followed."""
    if not path.exists() or path.read_bytes() != content:
        replace_whole(path.resolve(), content)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Others who change files here in this way wait; file systems without locks are left to themselves."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
