"""The page about a labeller's weights."""

from __future__ import annotations

from typing import Any

from higan_cam.train.labeller.settings import PRESENTED, LabellerSettings

_NAMES = {
    "accuracy": "accuracy at 0.5",
    "recall": "recall at 0.5",
    "precision": "precision at 0.5",
    "f1": "F1 at 0.5",
    "auroc": "AUROC",
    "calibration_error": "calibration error (10 steps of probability)",
    "cross_entropy": "cross-entropy, nats",
}
_OF_PEOPLE = (
    "It guesses one of two values from looks. What somebody is cannot be seen in a picture, and a two-valued guess "
    "leaves people out: the label says how its labellers saw the people shown. Whoever filters by it answers for that, "
    "and this project ships no such labels and no such weights."
)
_OF_ANYTHING = (
    "Where pictures show people, a guess of what they are from their looks is the doing of whoever gave the labels; "
    "this project ships no such labels and no such weights."
)


def card(settings: LabellerSettings, figures: dict[str, Any]) -> str:
    """Markdown."""
    source = "a CSV of a run's latents" if settings.from_run else "folders of pictures, one label each"
    facts = "\n".join(f"- {name}: {_plain(value)}" for name, value in figures["facts"].items())
    folds = figures["folds"]
    again = sum(fold["attempts"] - 1 for fold in folds)
    refused = sum(not fold["accepted"] for fold in folds)
    return (
        f"# A labeller: {settings.attribute}\n\n"
        f"{len(folds)} networks whose mean probability, at temperature {figures['temperature']:.3g}, says how likely "
        f"label 1 ({settings.attribute}) is. Labels: the user's own, {source}.\n\n"
        f"{_OF_PEOPLE if settings.attribute.startswith(PRESENTED) else _OF_ANYTHING}\n\n{facts}\n"
        f"- networks trained again from other weights: {again}; kept although their loss stayed above what is asked: "
        f"{refused}\n"
        f"- pictures that cannot be read and are left out (metrics.json names them): {len(figures['unread'])}\n\n"
        "## On labels that trained, stopped and calibrated nothing\n\n"
        "With 95% intervals: Wilson's of shares, bootstrap of others. They are held against the labels as given: what "
        "is wrong in these counts as the networks' error.\n\n"
        f"| figure | value |\n| --- | --- |\n{_rows(figures['held out'])}\n\n"
        "| filter | passing | precision |\n| --- | --- | --- |\n"
        + "\n".join(
            f"| {each['filter']} | {each['passing']} | {_interval(each['precision'])} |" for each in figures["filters"]
        )
        + "\n\nThey hold for pictures like those labelled: of the same generator or camera, at the same truncation.\n"
    )


def _rows(estimates: dict[str, Any]) -> str:
    return "\n".join(f"| {_NAMES[name]} | {_interval(estimate)} |" for name, estimate in estimates.items())


def _interval(estimate: dict[str, float | None]) -> str:
    value, low, high = (estimate[name] for name in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return "not defined"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _plain(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
