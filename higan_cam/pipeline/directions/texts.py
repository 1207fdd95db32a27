"""Pictures moved towards a text: StyleCLIP's optimisation (Patashnik et al., ICCV 2021, section 4), best step kept.

    argmin over w+ of  D(G(w+), text) + code_weight L2(w+, start) + identity_weight (1 - <R(G(start)), R(G(w+))>)

The published code squares the L2 that the paper writes as a length, sees pictures without CLIP's mean and deviation,
and returns the picture before its last step beside the code after it. Here both L2 go by name, networks own their
preprocessing, and what comes back is one code, that of the step with the least loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from higan_cam.config import RunConfig
from higan_cam.errors import ConfigError, unknown_name
from higan_cam.invert.descent import Knob, Plan, descend
from higan_cam.invert.schedules import SCHEDULES
from higan_cam.losses.codes import code_sum
from higan_cam.losses.features import identity_distance
from higan_cam.losses.texts import code_norm, directional, text_distance
from higan_cam.manipulate.directions import Direction
from higan_cam.pipeline.models import Models, w_plus_of

Embed = Callable[[Tensor], Tensor]
"""(N,3,H,W) in [-1,1] -> (N,E); differentiable, owns its preprocessing."""
CODE_TERMS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {"norm": code_norm, "sum": code_sum}
"""L2 as the paper writes it, and the sum of squares that the published code has."""
PUBLISHED = Plan(300, SCHEDULES["styleclip"].share)
LEAST_CHANGE = 1e-5
"""Between unit vectors; less is rounding."""
RATE, BETAS = SCHEDULES["styleclip"].peak, (0.9, 0.999)


@dataclass(frozen=True)
class TextSettings:
    """What else than the text counts.

    Attributes:
        code: `norm` or `sum`, see `CODE_TERMS`.
        code_weight, identity_weight: published: 0.008 on the sum, and 0.005.
        rows: of w+ that move; None for all.
        rate: Adam's, code units.
        plan: steps, the rate's schedule, which step is kept.

    Raises:
        ConfigError: an unknown L2, or a weight below 0.
    """

    code: str = "norm"
    code_weight: float = 0.008
    identity_weight: float = 0.005
    rows: Sequence[int] | None = None
    rate: float = RATE
    plan: Plan = PUBLISHED

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if self.code not in CODE_TERMS:
            raise unknown_name("code", self.code, CODE_TERMS)
        for name in ("code_weight", "identity_weight"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"{name} must be >= 0, got {getattr(self, name)}")


@dataclass(frozen=True, eq=False)
class Wish:
    """What is asked for, in the embedding of a network that knows pictures and texts.

    Attributes:
        see: the network's picture side.
        text: (1,E) what is wanted.
        neutral: (1,E) what is there, as "a room" for "a dark room": then the change of the picture is to be that of the
            texts (`directional`); None asks for the text alone, as published.
    """

    see: Embed
    text: Tensor
    neutral: Tensor | None = None

    def change(self) -> Tensor:
        """(E,) from the neutral text to the other. ConfigError: no neutral text, or one that means the same."""
        if self.neutral is None:
            raise ConfigError("neutral: a change of the text needs a neutral one; say both")
        change = (self.text - self.neutral)[0]
        if not float(change.norm()) > LEAST_CHANGE:
            raise ConfigError("text: both texts mean the same to this network; say others")
        return change


@dataclass(frozen=True, eq=False)
class TextEdit:
    """N pictures moved towards a text.

    Attributes:
        w_plus: (N,L,D) of the step that was kept; less `start` it is a direction for other pictures.
        step: (N,) which one: 0 is the start, which is kept where nothing is to be gained.
        terms: {text, code, identity: (N,)} there, without their weights.
        trace: (N, steps + 1) whole losses, NaN from where a picture stopped.
    """

    w_plus: Tensor
    step: Tensor
    terms: Mapping[str, Tensor]
    trace: Tensor


def move_to_text(
    draw: Callable[[Tensor], Tensor],
    start: Tensor,
    wish: Wish,
    settings: TextSettings = TextSettings(),
    identity: Embed | None = None,
) -> TextEdit:
    """Optimise codes (N,L,D) until their pictures answer to the text; each picture for itself.

    Args:
        draw: (n,L,D) codes -> (n,3,H,W) pictures in [-1,1], with noise that stays the same.
        start: where they begin, and what they stay near.
        identity: what must stay what it is, such as whose face or which room; None leaves that term out.

    Cost: one pass and one backward pass of generator and networks a step.
    """
    start = start.detach()
    with torch.no_grad():
        before = draw(start)
        seen = wish.see(before)
        whose = None if identity is None else identity(before)

    def terms(codes: Tensor, rows: Tensor) -> dict[str, Tensor]:
        picture = draw(codes)
        embedding = wish.see(picture)
        if wish.neutral is None:
            asked = text_distance(embedding, wish.text)
        else:
            asked = directional(embedding, seen[rows], wish.text, wish.neutral)
        found = {"text": asked, "code": CODE_TERMS[settings.code](codes, start[rows])}
        if identity is not None and whose is not None:
            found["identity"] = identity_distance(identity(picture), whose[rows])
        return found

    def losses(values: Mapping[str, Tensor], rows: Tensor, _step: int) -> Tensor:
        found = terms(_whole(values["rows"], start[rows], settings.rows), rows)
        total = found["text"] + settings.code_weight * found["code"]
        return total + settings.identity_weight * found["identity"] if "identity" in found else total

    moving = start if settings.rows is None else start[:, list(settings.rows)]
    done = descend({"rows": Knob(moving, settings.rate, BETAS)}, losses, settings.plan)
    w_plus = _whole(done.values["rows"], start, settings.rows)
    with torch.no_grad():
        reached = terms(w_plus, torch.arange(len(start), device=start.device))
    return TextEdit(w_plus, done.best, reached, done.trace)


def _whole(rows: Tensor, start: Tensor, which: Sequence[int] | None) -> Tensor:
    """The codes with their moving rows in place."""
    if which is None:
        return rows
    return start.index_copy(1, torch.tensor(list(which), device=start.device), rows)


def text_direction(
    models: Models,
    config: RunConfig,
    wish: Wish,
    name: str,
    indices: Sequence[int],
    settings: TextSettings = TextSettings(),
) -> Direction:
    """The mean move of several samples towards a text as one direction of w, its positive side towards the text.

    Returns:
        `figures`: alike, the mean cosine of two samples' moves (`agreement`; 1: the text asks the same of every
        picture); loss_before and loss, the mean text loss at the start and after the moves; looks, the samples.

    Raises:
        ConfigError: no sample moved, so the text asks for nothing that the rows can give.
    """
    with torch.no_grad():
        start = w_plus_of(models, config, indices)
    draw = _drawing(models)
    found = move_to_text(draw, start, wish, settings)
    rows = tuple(range(start.shape[1])) if settings.rows is None else tuple(settings.rows)
    moves = (found.w_plus - start)[:, list(rows)].mean(dim=1)  # (n,D)
    mean = moves.mean(dim=0)
    if not float(mean.norm()) > 0:
        raise ConfigError(f"--text: no sample moved on rows {rows}: this text asks for nothing that they change")
    figures = {
        "alike": agreement(moves),
        "loss_before": float(found.trace[:, 0].mean()),
        "loss": float(found.terms["text"].mean()),
        "looks": len(indices),
    }
    return Direction((mean / mean.norm()).cpu().numpy(), rows, name, "text", figures)


def agreement(moves: Tensor) -> float:
    """Mean cosine of every two different of (n,D) moves: 1 where all are one, about 0 where each is its own.

    A move of length 0 has a cosine of 0 with all others. One move alone gives 1: there is none that it differs from.
    """
    count = len(moves)
    if count == 1:
        return 1.0
    units = torch.nn.functional.normalize(moves.double(), dim=1)
    together, own = units.sum(dim=0).square().sum(), units.square().sum()
    return float((together - own) / (count * (count - 1)))


def _drawing(models: Models) -> Callable[[Tensor], Tensor]:
    return lambda codes: models.generator.synthesize(codes)[0]
