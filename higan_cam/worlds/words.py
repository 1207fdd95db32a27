"""Sentences about pictures as words: one cut, for what is said of a world and for networks that read it."""

from __future__ import annotations

import re


def words_of(text: str) -> list[str]:
    """A sentence's words in lower case, without punctuation."""
    return re.findall(r"[^\W_]+", text.lower())
