"""The table is clean, whole at any time, read as it lies, and of this run and this label."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from higan_cam.app.by_hand.labels import Answers, LabelFile
from higan_cam.errors import DataError, RunMismatchError, StoreError
from higan_cam.train.labeller.labels import read_labels

OF = {"name": "cosy", "seed": 0}


@settings(max_examples=30)  # each of them is durable
@given(
    labels=st.dictionaries(st.integers(0, 399), st.integers(0, 1), max_size=20),
    skipped=st.lists(st.integers(0, 399), max_size=5, unique=True),
    second=st.sampled_from([0, 1, None]),
)
def test_what_is_written_is_read_back_in_its_order(
    tmp_path_factory: pytest.TempPathFactory, labels: dict[int, int], skipped: list[int], second: int | None
) -> None:
    file = LabelFile(tmp_path_factory.mktemp("labels") / "labels.csv", 400, OF)
    wanted = Answers(labels, [index for index in skipped if index not in labels], dict.fromkeys([*labels][:3], second))
    with file.change() as answers:
        answers.labels, answers.skipped, answers.again = wanted.labels, wanted.skipped, wanted.again
    assert file.read() == wanted
    assert list(file.read().labels) == list(labels)


def test_the_table_has_labels_and_nothing_else(file: LabelFile) -> None:
    with file.change() as answers:
        answers.labels |= {7: 1, 3: 0}
        answers.skipped.append(5)
        answers.again[7] = 0
    assert file.path.read_bytes() == b"index,label\n7,1\n3,0\n"
    assert json.loads(file.notes.read_text()) == {"of": OF, "skipped": [5], "again": {"7": 0}}
    assert sorted(path.name for path in file.path.parent.iterdir()) == ["labels.csv", "labels.csv.json"]


@pytest.mark.parametrize(
    "body", [b"", b"\xef\xbb\xbfindex,label\r\n7,1\r\n\r\n 3 , 0\r\n", b'index,label\n"7",1\n3,0\n7,1']
)
def test_what_editors_make_of_it_is_read(file: LabelFile, body: bytes) -> None:
    file.path.write_bytes(body)
    assert file.read().labels == ({7: 1, 3: 0} if body else {})


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("7,1\n", "line 1 has '7,1'; expected the heading index,label"),
        ("index,label,who\n7,1,me\n", "lines of 3 cells, expected 'index,label' alone"),
        ("index,label\n7,1,me\n", "lines of 3 cells"),
        ("index,label\n7,2\n", "line 2: label '2' of index 7; expected 0 or 1"),
        ("index,label\n7,1\n8\n", "line 3: label '' of index 8"),
        ("index,label\n-1,0\n", "line 2: index '-1'"),
        ("index,label\n400,0\n", "line 2: index 400; the run has the latents 0 to 399"),
        ("index,label\n7,1\n7,0\n", "line 3: index 7 has label 0 here and 1 in line 2"),
        ("index,label\n7,1.0\n", "line 2: label '1.0' of index 7; expected 0 or 1"),
    ],
)
def test_what_is_no_table_of_this_run_is_said_with_its_line_and_stays(file: LabelFile, body: str, words: str) -> None:
    file.path.write_text(body)
    with pytest.raises(DataError) as caught, file.change():
        pass
    assert words in str(caught.value)
    assert str(file.path) in str(caught.value)
    assert "choose another --output" in str(caught.value)
    assert file.path.read_text() == body


def test_bytes_that_are_no_text_are_no_table(file: LabelFile) -> None:
    file.path.write_bytes(b"\xff\xfe\x00PK")
    with pytest.raises(DataError, match="not a table of labels"):
        file.read()


def test_labels_of_another_name_or_of_other_pictures_are_left_alone(file: LabelFile) -> None:
    with file.change() as answers:
        answers.labels[7] = 1
    for of, words in (({**OF, "name": "bright"}, "name 'cosy', not 'bright'"), ({**OF, "seed": 1}, "seed 0, not 1")):
        with pytest.raises(RunMismatchError, match=words):
            replace(file, of=of).read()
    assert file.read().labels == {7: 1}


def test_notes_that_are_none_are_named(file: LabelFile) -> None:
    for body in ("[", "[]", '{"of": {}, "skipped": ["x"], "again": {}}', '{"of": {}, "skipped": [], "again": [1]}'):
        file.notes.write_text(body)
        with pytest.raises(DataError, match=r"labels\.csv\.json"):
            file.read()


def test_a_label_that_was_taken_out_by_hand_takes_its_second_answer_along(file: LabelFile) -> None:
    with file.change() as answers:
        answers.labels |= {7: 1, 3: 0}
        answers.again |= {7: 0, 3: 0}
        answers.skipped.append(5)
    file.path.write_text("index,label\n3,0\n5,1\n")
    assert file.read() == Answers({3: 0, 5: 1}, [], {3: 0})
    assert file.read().agreement() == (1, 1)


def test_latents_that_the_run_has_not_are_none_that_were_skipped(file: LabelFile) -> None:
    """Undo would ask for one whose picture cannot be drawn, and which can be neither answered nor skipped."""
    with file.change() as answers:
        answers.skipped += [5, 400]
    file.notes.write_text(file.notes.read_text() + "\n")  # somebody else's bytes
    assert file.read().skipped == [5]


def test_a_write_that_fails_leaves_what_was_there(file: LabelFile, monkeypatch: pytest.MonkeyPatch) -> None:
    with file.change() as answers:
        answers.labels[7] = 1

    def full(_path: Path, _body: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("higan_cam.app.by_hand.labels.replace_whole", full)
    with pytest.raises(StoreError, match=r"No space left on device.*--output"), file.change() as answers:
        answers.labels[8] = 1
    assert file.read().labels == {7: 1}


def test_a_folder_that_is_missing_is_made_and_one_that_is_a_file_is_named(tmp_path: Path) -> None:
    file = LabelFile(tmp_path / "new" / "labels.csv", 400, OF)
    with file.change():
        pass
    assert file.path.read_text() == "index,label\n"
    with pytest.raises(StoreError, match="cannot be"), LabelFile(file.path / "labels.csv", 400, OF).change():
        pass


def test_what_learns_from_labels_reads_the_table(file: LabelFile) -> None:
    with file.change() as answers:
        answers.labels |= {7: 1, 3: 0}
        answers.skipped.append(5)
    assert read_labels(file.path, 400) == {3: False, 7: True}
