"""Who is asked what: once each, some twice, tabs apart, and back as far as one likes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from higan_cam.app.by_hand.asking import APART, Asked, Plan, Round
from higan_cam.app.by_hand.labels import LabelFile


def labelled(asking: Round, tab: str, count: int, label: int | None = 1) -> list[Asked]:
    """The questions that a tab was asked, each answered."""
    seen = []
    for _ in range(count):
        asked = asking.ahead(tab, 8)[0]
        assert asking.answer(tab, asked, label) == ""
        seen.append(asked)
    return seen


@given(seed=st.integers(0, 2**63))
def test_the_order_is_the_seeds_and_has_each_latent_once(seed: int) -> None:
    order = Plan(50, 5, seed=seed).order
    assert sorted(order) == list(range(50))
    assert order == Plan(50, 40, seed=seed).order


def test_each_is_asked_once_until_there_are_enough(file: LabelFile) -> None:
    asking = Round(Plan(400, 12, repeat=0), file)
    seen = labelled(asking, "one", 12)
    assert len({asked.index for asked in seen}) == 12
    assert [asked.index for asked in seen] == Plan(400, 12).order[:12]
    assert asking.ahead("one", 8) == []
    assert list(asking.answers().labels) == [asked.index for asked in seen]


def test_a_larger_count_goes_on_where_a_smaller_one_ended(file: LabelFile) -> None:
    first = labelled(Round(Plan(400, 5, repeat=0), file), "one", 5)
    rest = labelled(Round(Plan(400, 8, repeat=0), file), "two", 3)
    assert [asked.index for asked in (*first, *rest)] == Plan(400, 8).order[:8]


def test_a_skip_is_no_label_and_does_not_come_again(file: LabelFile) -> None:
    labelled(Round(Plan(400, 5, repeat=0), file), "one", 3, None)
    asking = Round(Plan(400, 5, repeat=0), file)
    assert [asked.index for asked in labelled(asking, "one", 5)] == Plan(400, 5).order[3:8]
    assert asking.answers().skipped == Plan(400, 5).order[:3]


def test_where_all_the_rest_is_skipped_it_ends(file: LabelFile) -> None:
    asking = Round(Plan(6, 6, repeat=0), file)
    labelled(asking, "one", 2)
    labelled(asking, "one", 4, None)
    assert asking.ahead("one", 8) == []


def test_the_share_that_is_asked_twice_comes_later_and_each_at_most_once_more(file: LabelFile) -> None:
    asking = Round(Plan(400, 100, repeat=0.1), file)
    seen: list[Asked] = []
    while ahead := asking.ahead("one", 8):
        seen.append(ahead[0])
        asking.answer("one", ahead[0], 1)
    again = [asked.index for asked in seen if asked.again]
    assert len(seen) == 110
    assert len(set(again)) == len(again) == 10
    places = {asked: place for place, asked in enumerate(seen)}
    gaps = [places[Asked(index, True)] - places[Asked(index)] for index in again]
    assert min(gaps[2:]) >= APART
    assert len(asking.answers().labels) == 100
    assert asking.answers().agreement() == (10, 10)


def test_second_answers_change_no_label_and_are_counted(file: LabelFile) -> None:
    asking = Round(Plan(400, 12, repeat=0.25), file)
    given = 0
    while ahead := asking.ahead("one", 1):
        given += ahead[0].again
        asking.answer("one", ahead[0], (0 if given == 1 else None if given == 2 else 1) if ahead[0].again else 1)
    assert set(asking.answers().labels.values()) == {1}
    assert sorted(asking.answers().again.values(), key=str) == [0, 1, None]
    assert asking.answers().agreement() == (1, 2)


def test_undo_goes_back_answer_by_answer_to_the_very_beginning(file: LabelFile) -> None:
    asking = Round(Plan(400, 12, repeat=0.25), file)
    seen = []
    for number in range(15):
        seen.append(asking.ahead("one", 8)[0])
        asking.answer("one", seen[-1], None if number == 3 else number % 2)
    for asked in reversed(seen):
        assert asking.undo("one") == asked
        assert asking.ahead("one", 8)[0] == asked
    assert asking.undo("one") is None
    assert file.path.read_text() == "index,label\n"
    assert not asking.answers().skipped
    assert not asking.answers().again


def test_a_restart_goes_on_and_its_undo_leads_back_into_the_table(file: LabelFile) -> None:
    before = labelled(Round(Plan(400, 12, repeat=0), file), "one", 4)
    asking = Round(Plan(400, 12, repeat=0), file)
    own = asking.ahead("two", 8)[0]
    asking.answer("two", own, 0)
    assert [asking.undo("two") for _ in range(3)] == [own, before[3], before[2]]
    assert list(asking.answers().labels) == [asked.index for asked in before[:2]]


def test_tabs_are_asked_different_ones_and_take_back_their_own(file: LabelFile) -> None:
    asking = Round(Plan(400, 40, repeat=0), file)
    one, two = asking.ahead("one", 8), asking.ahead("two", 8)
    assert not {asked.index for asked in one} & {asked.index for asked in two}
    assert asking.ahead("one", 8) == one  # after a reload as well
    for asked in one[:3]:
        asking.answer("one", asked, 1)
    for asked in two[:3]:
        asking.answer("two", asked, 0)
    assert asking.undo("one") == one[2]
    assert asking.answers().labels == {asked.index: int(asked in one) for asked in (*one[:2], *two[:3])}
    assert [asking.undo("one") for _ in range(3)] == [one[1], one[0], two[2]]  # its own first, then the others'


def test_what_a_closed_tab_left_open_is_asked_elsewhere_in_the_end(file: LabelFile) -> None:
    asking = Round(Plan(400, 10, repeat=0), file)
    left = asking.ahead("closed", 8)
    labelled(asking, "one", 2)
    assert asking.ahead("one", 8) == left
    labelled(asking, "one", 8)
    assert asking.ahead("one", 8) == asking.ahead("closed", 8) == []


def test_the_first_of_two_answers_counts_and_the_second_is_told(file: LabelFile) -> None:
    asking = Round(Plan(400, 10, repeat=0), file)
    asked = asking.ahead("one", 8)[0]
    assert asking.answer("one", asked, 1) == ""
    assert asking.answer("two", asked, 1) == ""  # the same is no matter
    assert "answered in another tab" in asking.answer("two", asked, 0)
    assert asking.answers().labels == {asked.index: 1}
    assert asking.undo("two") == asked  # there is one answer to take back
    assert asking.undo("two") is None


def test_what_is_edited_meanwhile_is_kept_by_the_next_answer(file: LabelFile) -> None:
    asking = Round(Plan(400, 12, repeat=0), file)
    first, second, third = labelled(asking, "one", 3)
    file.path.write_text(f"index,label\n{second.index},0\n399,1\n{third.index},1\n")
    fourth = asking.ahead("one", 8)[0]
    asking.answer("one", fourth, 1)
    assert asking.answers().labels == {second.index: 0, 399: 1, third.index: 1, fourth.index: 1}
    assert [asking.undo("one") for _ in range(4)] == [fourth, third, second, None]
    assert asking.answers().labels == {399: 1}
    assert asking.ahead("one", 8)[:3] == [second, third, fourth]
    assert first in asking.ahead("one", 20)  # whoever takes a line out is asked again


def test_two_servers_on_one_table_lose_no_answer(file: LabelFile) -> None:
    servers = [Round(Plan(400, 400, repeat=0, seed=seed), file) for seed in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        seen = [asked.index for each in pool.map(lambda asking: labelled(asking, "one", 20), servers) for asked in each]
    assert set(file.read().labels) == set(seen)


def test_a_table_that_somebody_has_made_by_hand_goes_on(file: LabelFile) -> None:
    first = Plan(400, 12).order[0]
    file.path.write_text(f"index,label\n{first},1\n")
    asking = Round(Plan(400, 12), file)
    assert file.path.read_text() == f"index,label\n{first},1\n"
    assert [asked.index for asked in labelled(asking, "one", 2)] == Plan(400, 12).order[1:3]
