"""A table of labels is read whatever wrote it, and what cannot be used is told by its line."""

from __future__ import annotations

import io
import re

import pytest

from higan_cam.label.labelled.table import read_table


@pytest.mark.parametrize(
    "body",
    [
        b"index,label\n3,1\n0,0\n",
        b"index,label\r\n3,1\r\n\r\n0,0\r\n",
        b"\xef\xbb\xbfindex,label\n3,1\n0,0",
        "index,label\n3,1\n0,0\n".encode("utf-16"),
        b"note;label;Index\nsch\xf6n;1;3\n;0;0\n",
        b"index,label\n3,1\n0,0\n3,1\n",
    ],
)
def test_labels_are_read_whatever_wrote_them(body: bytes) -> None:
    table = read_table(io.BytesIO(body), 4)
    assert list(table.labels.items()) == [(3, True), (0, False)]  # in the order of the lines


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("", "line 1 has 'nothing'; expected the heading index,label"),
        ("0,1\n1,0\n", "line 1 has '0,1'; expected the heading index,label"),
        ("index,label,label\n0,1,1\n", "expected the heading"),
        ("index,label\n4,1\n", "line 2: index 4; the run has the latents 0 to 3"),
        ("index,label\n-1,1\n", "line 2: index '-1'; expected a whole number from 0 to 3"),
        ("index,label\n1.0,1\n", "line 2: index '1.0'"),
        (f"index,label\n{'9' * 5000},1\n", "the run has the latents 0 to 3"),
        ("index,label\n1,2\n", "line 2: label '2' of index 1; expected 0 or 1"),
        ("index,label\n1,yes\n", "label 'yes' of index 1"),
        ("index,label\n1\n", "label '' of index 1"),
        ("index,label\n1,0\n2,1\n1,1\n", "line 4: index 1 has label 1 here and 0 in line 2"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "cannot be read as a table"),
    ],
)
def test_what_cannot_be_used_is_told_by_its_line(body: str | bytes, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        read_table(io.BytesIO(body if isinstance(body, bytes) else body.encode()), 4)


def test_bad_lines_are_counted_and_the_first_are_shown() -> None:
    with pytest.raises(ValueError, match="25 of 25 lines cannot be used") as caught:
        read_table(io.BytesIO(b"index,label\n" + b"x,1\n" * 25), 4)
    assert "and 5 more" in str(caught.value)


def test_repeated_lines_and_the_longest_are_counted() -> None:
    table = read_table(io.BytesIO(b"index,label\n3,1\n0,0,sure\n3,1\n"), 4)
    assert (table.labels, table.repeated, table.columns) == ({3: True, 0: False}, 1, 3)
