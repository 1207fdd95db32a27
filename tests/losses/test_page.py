"""The page on losses has every loss, file and profile."""

from __future__ import annotations

import re

from higan_cam.losses import FILES, LOSSES, PROFILES
from tests.support.pages import table

PAGE = "higan_cam/losses/README.md"


def names(heading: str) -> list[str]:
    """What is in backticks in the first column of a table."""
    return [name for row in table(PAGE, heading) for name in re.findall(r"`([^`]+)`", row[0])]


def test_every_loss_file_and_profile_is_on_the_page() -> None:
    assert names("loss") == list(LOSSES)
    assert sorted(names("name")) == sorted(FILES)
    assert names("profile") == list(PROFILES)
