"""What is said of a training: one verdict for each thing that can go wrong, with its figure and what shows it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from higan_cam.types import FloatArray, Interval

CLEAN, TOO_POOR, NOT_MEASURED = "clean", "too poor to say", "not measured"
TAIL = 0.025
"""Of a 95% interval, at each end."""
BY_HEART = 0.1
"""Share of the discriminator's lead that it owes to knowing its pictures, above which that is a fault."""
WON = 0.9
"""Mean sign of the discriminator on training pictures; sound trainings had .33 to .64, and none was seen to win yet."""
LEAST_JUDGED = 16
"""Pictures of a kind, below which nothing is said of the discriminator."""
RESAMPLES = 400


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One thing that can go wrong in a training, and whether it did.

    Attributes:
        name: what was looked for.
        value: `clean`, the fault's name, `too poor to say` or `not measured`.
        figure: the number it rests on, in the unit that `words` names; NaN where there is none.
        interval: 95%, of the figure; None where there is none.
        evidence: plain lists and numbers that show it, such as `pairs` of indices.
        words: one or two sentences for a report, which give the reason where nothing can be said.
    """

    name: str
    value: str
    figure: float = math.nan
    interval: Interval | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""

    @property
    def fault(self) -> bool:
        """Whether something is wrong, as far as can be said."""
        return self.value not in (CLEAN, TOO_POOR, NOT_MEASURED)

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`, None in place of NaN."""
        return {**asdict(self), "figure": None if math.isnan(self.figure) else self.figure}


def not_measured(name: str, reason: str) -> Verdict:
    """A verdict that says why there is none."""
    return Verdict(name=name, value=NOT_MEASURED, words=reason)


def share_interval(found: int, of: int) -> Interval:
    """A share with its exact interval (Clopper and Pearson 1934); `of` >= 1."""
    from scipy.special import betaincinv

    low = float(betaincinv(found, of - found + 1, TAIL)) if found else 0.0
    high = float(betaincinv(found + 1, of - found, 1 - TAIL)) if found < of else 1.0
    return Interval(found / of, low, high)


def count_interval(found: int) -> Interval:
    """A Poisson count with its exact interval (Garwood 1936)."""
    from scipy.special import gammaincinv

    low = float(gammaincinv(found, TAIL)) if found else 0.0
    return Interval(float(found), low, float(gammaincinv(found + 1, 1 - TAIL)))


def overfit(own: FloatArray, other: FloatArray, fake: FloatArray, *, seed: int = 0) -> Verdict:
    """Whether the discriminator knows its training pictures by heart.

    The figure is `by_heart`: (D of training pictures - D of held-out ones) / (D of training pictures - D of samples).
    The sign of D on training pictures, which adaptive augmentation goes by, does not see it (Karras et al. 2020,
    arXiv:2006.06676, compare both).

    Args:
        own, other, fake: the discriminator's logits of training pictures, held-out ones and samples, (n,) each.
    """
    name = "overfit"
    if len(other) == 0:
        return not_measured(name, "No pictures were held out: only they tell judging from remembering.")
    short = [part for part in (own, other, fake) if len(part) < LEAST_JUDGED]
    if short:
        reason = f"{LEAST_JUDGED} pictures of each kind are needed, of one there are {len(short[0])}."
        return not_measured(name, reason)
    if not all(np.isfinite(part).all() for part in (own, other, fake)):
        return not_measured(name, "The discriminator's answers are not all numbers.")
    means = [np.stack([part.mean(), *_resampled(part, seed, place)]) for place, part in enumerate((own, other, fake))]
    lead = means[0] - means[2]
    if np.abs(lead[0]) < 1e-6 or lead[0] < 0:
        return not_measured(name, "The discriminator takes training pictures for no more real than samples.")
    values = (means[0] - means[1]) / np.where(np.abs(lead) < 1e-6, np.nan, lead)
    low, high = np.nanquantile(values[1:], (TAIL, 1 - TAIL))
    found = Interval(float(values[0]), float(low), float(high))
    fault = found.value > BY_HEART and found.low > 0
    words = (
        f"Of the discriminator's lead of training pictures over samples, {found.value:.0%} [{low:.0%}, {high:.0%}] is "
        f"not there on {len(other)} held-out pictures; above {BY_HEART:.0%} it remembers rather than judges."
    )
    return Verdict(name=name, value="by heart" if fault else CLEAN, figure=found.value, interval=found, words=words)


def has_won(real: FloatArray, fake: FloatArray, *, paired: bool = False) -> Verdict:
    """Whether the discriminator is sure of every picture, so that the generator learns little from it.

    The figure is the mean sign of its logits on training pictures, by which adaptive augmentation goes as well (.6 is
    its aim, Karras et al. 2020, arXiv:2006.06676). Beside it stands the share of (real, sample) pairs that it ranks
    rightly, which is high in sound trainings too.

    Args:
        real, fake: its logits of training pictures (n,) and of samples (m,).
        paired: whether its loss looks at differences only, as the relativistic one: then 0 means nothing.
    """
    name = "discriminator"
    if paired:
        return not_measured(name, "Its loss looks at differences alone, so that the sign of its answers means nothing.")
    if min(len(real), len(fake)) < LEAST_JUDGED:
        return not_measured(name, f"{LEAST_JUDGED} pictures and as many samples are needed.")
    if not (np.isfinite(real).all() and np.isfinite(fake).all()):
        return not_measured(name, "The discriminator's answers are not all numbers.")
    share, rightly = share_interval(int((real > 0).sum()), len(real)), ranked_rightly(fake, real)
    found = Interval(*(2 * end - 1 for end in (share.value, share.low, share.high)))
    words = (
        f"The mean sign of the discriminator on training pictures is {found.value:.2f} [{found.low:.2f}, "
        f"{found.high:.2f}]; above {WON:g} it has won. It ranks {rightly:.1%} of the (real, sample) pairs rightly."
    )
    value = "has won" if found.value > WON else CLEAN
    evidence = {"ranked_rightly": rightly}
    return Verdict(name=name, value=value, figure=found.value, interval=found, evidence=evidence, words=words)


def ranked_rightly(low: FloatArray, high: FloatArray) -> float:
    """Share of the pairs of one of `low` and one of `high` in which the latter is larger; ties are half (n,), (m,)."""
    order = np.sort(low)
    below = np.searchsorted(order, high, "left") + np.searchsorted(order, high, "right")
    return float(below.mean() / (2 * len(low)))


def all_numbers(values: Mapping[str, FloatArray]) -> Verdict:
    """Whether weights, losses or whatever else is given are numbers all.

    Args:
        values: by name, any shape.
    """
    bad = {name: int((~np.isfinite(one)).sum()) for name, one in values.items() if not np.isfinite(one).all()}
    total = sum(bad.values())
    if not values:
        return not_measured("numbers", "Nothing was given to look at.")
    named = ", ".join(list(bad)[:5])
    words = f"{total} values are no numbers, in {named}." if bad else f"All values of {len(values)} arrays are numbers."
    value = "not a number" if bad else CLEAN
    return Verdict(name="numbers", value=value, figure=float(total), evidence={"places": bad}, words=words)


def _resampled(values: FloatArray, seed: int, stream: int) -> FloatArray:
    """(RESAMPLES,) means of resamples."""
    draw = np.random.Generator(np.random.Philox(key=(seed, stream)))
    weights = draw.multinomial(len(values), np.full(len(values), 1 / len(values)), size=RESAMPLES) / len(values)
    means: FloatArray = weights @ values.astype(np.float64)
    return means
