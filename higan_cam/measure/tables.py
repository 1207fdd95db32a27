"""The mask benchmark, and what was measured on pairs of photographs, as tables for people."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from higan_cam.measure.pairs import PairResult
from higan_cam.measure.values import MaskBenchmarkResult, TruthResult
from higan_cam.types import Interval

HEADINGS = {
    "average_precision": "AP",
    "over_prior": "AP - best prior",
    "over_image_difference": "AP - image difference",
    "iou": "IoU, regions",
    "best_iou": "IoU, best cut",
    "pointing": "pointing",
    "lamp_recall": "lamp recall",
}
PAIR_HEADINGS = {"ap_light": "AP, light", "over_prior": "AP - best prior", "iou": "IoU", "pointing": "pointing"}


def mask_tables(result: MaskBenchmarkResult) -> Iterator[Table]:
    """Two tables per truth: heat maps, priors below the attributions; and masks by the regions' settings."""
    for known in result.truths:
        yield _table(known, result)
        yield _region_table(known)


def benchmark_text(result: MaskBenchmarkResult) -> str:
    """One paragraph: the pictures, the edit, and whether the truth holds for them."""
    agreement = result.agreement
    return (
        f"{result.samples} pictures of {result.image_size} px ({result.left_out} without a visible lamp left out), "
        f"edit of {result.distance:g} to each side on rows {result.rows[0]}-{result.rows[-1]}. Originals against "
        f"re-renders {agreement.psnr_db:.1f} dB; the edit's change of luminance against the lamps' light: correlation "
        f"{_shown(agreement.correlation)}, share on lit pixels {_shown(agreement.change_on_light)}. "
        "Means with 95% bootstrap intervals over pictures; differences are paired."
    )


def _table(known: TruthResult, result: MaskBenchmarkResult) -> Table:
    table = Table(title=f"Truth: {known.meaning} ({known.share:.1%} of the picture, n = {result.samples})")
    table.add_column("heat map", no_wrap=True)
    for heading in HEADINGS.values():
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("best cut", justify="right")
    table.add_column("ms", justify="right")
    table.add_column("forwards", justify="right")
    for row in sorted(known.methods, key=lambda row: (row.prior, -row.estimates["average_precision"].value)):
        name = f"prior: {row.method}{' (best)' if row.method == known.best_prior else ''}" if row.prior else row.method
        figures = [_shown(row.estimates[key], signed=key.startswith("over_")) for key in HEADINGS]
        cost = ("", "")
        if row.milliseconds is not None:
            cost = (f"{row.milliseconds:.0f}", f"{row.milliseconds / result.forward_ms:.1f}")
        table.add_row(name, *figures, f"{row.best_threshold:.2f}", *cost)
    return table


def _region_table(known: TruthResult) -> Table:
    table = Table(title=f"Masks by the regions' settings: {known.truth}")
    for heading in ("heat map", "regions", "IoU", "lamp recall", "coverage"):
        table.add_column(heading, no_wrap=True)
    for row in known.regions:
        table.add_row(
            row.method,
            row.setting,
            *(_shown(row.estimates[name]) for name in ("iou", "lamp_recall", "coverage")),
        )
    return table


def _shown(estimate: Interval, signed: bool = False) -> str:
    """`.903 [.871 .932]`, or with signs."""
    value, low, high = (
        f"{number:{'+' if signed else ''}.3f}".replace("0.", ".", 1)
        for number in (estimate.value, estimate.low, estimate.high)
    )
    return f"{value} \\[{low} {high}]"


def pair_table(result: PairResult) -> Table:
    """One row per method, priors below the others."""
    table = Table(title=f"Light that a lamp adds to real photographs ({result.share:.1%} of the picture)")
    table.add_column("method", no_wrap=True)
    for heading in ("pairs", *PAIR_HEADINGS.values()):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in sorted(result.rows, key=lambda row: (row.prior, -row.estimates["ap_light"].value)):
        name = f"prior: {row.method}{' (best)' if row.method == result.best_prior else ''}" if row.prior else row.method
        figures = (_shown(row.estimates[key], signed=key.startswith("over_")) for key in PAIR_HEADINGS)
        table.add_row(name, str(row.count), *figures)
    return table


def pair_text(result: PairResult) -> str:
    """What was measured on what, and each pair that was left out with its reason, on a line of its own."""
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(result.verdicts.items()))
    inverted = f"inversions: {verdicts}" if verdicts else "no inversion: --run names a run whose generator inverts"
    text = (
        f"{result.count} pairs in the layout {result.layout!r}, squares of {result.side} px; {inverted}. Means with "
        "95% bootstrap intervals over pairs; differences are paired."
    )
    return "\n".join(
        [text, *(f"left out: {each.off or '-'}, {each.on or '-'}: {each.reason}" for each in result.left_out)]
    )
