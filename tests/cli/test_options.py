"""What several commands read from their options."""

from __future__ import annotations

import pytest

from higan_cam.cli.options import parse_distances, parse_indices, parse_weighted, parse_workers, thousands
from higan_cam.errors import ConfigError


@pytest.mark.parametrize(("text", "indices"), [("0-3,7", (0, 1, 2, 3, 7)), ("5", (5,)), (" 9, 2-2", (9, 2))])
def test_indices_keep_their_order(text: str, indices: tuple[int, ...]) -> None:
    assert parse_indices(text) == indices


@pytest.mark.parametrize("text", ["", "a", "3-1", "-3", "1,,2", "1-2-3", "0-99999999999"])
def test_other_indices_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^--index"):
        parse_indices(text)


@pytest.mark.parametrize("text", ["", "1,x", "nan", "1,inf"])
def test_distances_are_finite_numbers(text: str) -> None:
    assert parse_distances("-3, 0,2.5") == (-3.0, 0.0, 2.5)
    with pytest.raises(ConfigError, match=r"^--distances"):
        parse_distances(text)
    with pytest.raises(ConfigError, match=r"^--steps"):
        parse_distances(text, "--steps")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("w.npy", ("w.npy", 1.0)),
        ("w.npy:-0.5", ("w.npy", -0.5)),
        ("C:/w.npy", ("C:/w.npy", 1.0)),
        ("a:b:2", ("a:b", 2)),
    ],
)
def test_a_weight_follows_the_last_colon(text: str, parts: tuple[str, float]) -> None:
    assert parse_weighted(text) == parts


@pytest.mark.parametrize(("text", "workers"), [("1", (1, 1)), ("2-4", (2, 4)), (" 3 ", (3, 3))])
def test_workers_are_a_number_or_a_range(text: str, workers: tuple[int, int]) -> None:
    assert parse_workers(text) == workers


@pytest.mark.parametrize("text", ["0", "4-2", "0-2", "two", "", "1,2"])
def test_other_numbers_of_workers_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--workers"):
        parse_workers(text)


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_thousands_are_finite(number: float) -> None:
    assert thousands("--kimg", 0.25) == 250
    with pytest.raises(ConfigError, match=r"^--kimg: must be a finite number"):
        thousands("--kimg", number)
