"""Numbers as the report writes them: true minus signs, digits grouped by commas, a dash for what is missing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

MISSING = "–"
_MINUS = "\N{MINUS SIGN}"
_NBSP = "\N{NO-BREAK SPACE}"


def format_number(value: float | None, digits: int = 2) -> str:
    """`digits` decimals, fewer for large values; small ones keep `digits` significant digits. NaN and None: a dash."""
    if value is None or not math.isfinite(value):
        return MISSING
    size = abs(value)
    if size >= 1000:
        text = f"{value:,.0f}"
    elif size == 0 or size >= 10.0**-digits:
        text = f"{value:.{max(0, digits - (size >= 100))}f}"
    else:
        text = f"{value:.{digits}g}"
    return text.replace("-", _MINUS) if float(text.replace(",", "")) else text.lstrip("-")


def format_count(value: float) -> str:
    """An integer, digits grouped: 50,000."""
    return f"{int(value):,}".replace("-", _MINUS)


def format_percent(share: float | None) -> str:
    """A share as a percentage with one decimal (none if it is whole), two significant digits below 0.1 %.

    Just below 100 % it says so: 99.97 % of the samples is not all of them.
    """
    if share is None or not math.isfinite(share):
        return MISSING
    percent = round(100 * share, 9)
    text = f"{percent:.1f}".removesuffix(".0") if abs(percent) >= 0.1 or not percent else f"{percent:.2g}"
    if text == "100" and percent < 100:
        text = "> 99.9"
    return f"{text}{_NBSP}%".replace("-", _MINUS)


def format_signed(value: float) -> str:
    """A distance with its sign, without needless decimals: +3, −1.5, 0."""
    text = f"{value:+.3g}" if round(value, 9) else "0"
    return text.replace("-", _MINUS)


def format_duration(seconds: float) -> str:
    """0.84 s, 12.3 s, 4 min 12 s, 2 h 5 min."""
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def format_value(value: Any) -> str:
    """Any JSON-like value: floats to four digits, integers whole (a seed can be copied), lists and mappings joined."""
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        text = format_number(value, 0) if abs(value) >= 1000 else f"{value:.4g}"
        return text.replace("-", _MINUS) if math.isfinite(value) else MISSING
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {format_value(item)}" for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(format_value(item) for item in value)
    return str(value).replace("-", _MINUS) if isinstance(value, int) else str(value)


def humanize(name: str) -> str:
    """`held_out_accuracy` -> `held out accuracy`: field names as the reader reads them."""
    return name.replace("_", " ")
