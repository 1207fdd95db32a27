"""The linear soft-margin SVM with a free intercept, solved exactly by a primal-dual interior-point method.

Same optimum as scikit-learn's SVC(kernel="linear") (Cortes & Vapnik 1995), whose working-set solver takes from 0.05 s
to half a minute on 2,800 codes depending on how the classes overlap. This takes about the same time for every C: the
dual's Hessian has rank D, so that one Newton step costs O(n D^2) (Ferris & Munson, SIAM J. Optim. 2002).
Where C is so small that every code is a support vector, the intercept is not unique; this takes the middle.

    minimise  1/2 |w|^2 + C sum_i max(0, 1 - y_i (w . x_i + b))       over w (D,), b
    dual      minimise 1/2 |Z^T a|^2 - sum a   with 0 <= a <= C, y . a = 0,   Z = diag(y) X,   w = Z^T a
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from higan_cam.errors import DataError
from higan_cam.types import FloatArray

_Vector = npt.NDArray[np.float64]
_BACK_OFF = 0.995
"""Share of the way to the nearest bound that one step may go (Mehrotra 1992)."""
_ACCEPTABLE = 1e-5
"""Relative duality gap at which a stalled run still counts as solved (libsvm's default stops near 1e-3)."""


@dataclass(frozen=True)
class _Point:
    """Dual variables a in (0, C), slack to each bound's multiplier (lower, upper), and the intercept."""

    a: _Vector
    lower: _Vector
    upper: _Vector
    intercept: float


@dataclass(frozen=True)
class _Problem:
    """Signed, centred and scaled codes Z (n,D), sides y (n,) and the penalty on that scale."""

    z: _Vector
    y: _Vector
    penalty: float

    def gap(self, p: _Point) -> float:
        return float(p.a @ p.lower + (self.penalty - p.a) @ p.upper)

    def objective(self, p: _Point) -> float:
        w = self.z.T @ p.a
        return float(0.5 * w @ w + self.penalty * p.upper.sum())


def linear_svm(
    codes: FloatArray, sides: FloatArray, penalty: float, tolerance: float = 1e-8, max_steps: int = 100
) -> tuple[_Vector, float]:
    """(n,D) codes and (n,) sides in {-1,+1} -> (weights (D,), intercept), neither normalised.

    With sides of unequal size that do not differ, the optimum has no direction: the weights are then 0 up to rounding.

    Args:
        penalty: C > 0, on the codes as given.
        tolerance: relative duality gap to stop at.

    Raises:
        DataError: if one side is empty, the codes are all the same, or the solver does not converge.
    """
    problem, mean, scale = _prepared(codes, sides, penalty)
    point = _start(problem)
    for _ in range(max_steps):
        if _relative_gap(problem, point) <= tolerance:
            break
        point = _step(problem, point)
    gap = _relative_gap(problem, point)
    if not gap <= _ACCEPTABLE:
        raise DataError(f"svm: no convergence with C={penalty:g} (relative gap {gap:.1e}); use another C")
    weights = problem.z.T @ point.a / scale
    return weights, float(point.intercept - weights @ mean)


def _prepared(codes: FloatArray, sides: FloatArray, penalty: float) -> tuple[_Problem, _Vector, float]:
    # a shift changes nothing but the intercept, a scale only the meaning of C: both condition the Newton system
    x, y = np.asarray(codes, dtype=np.float64), np.asarray(sides, dtype=np.float64)
    mean = x.mean(axis=0)
    scale = float(np.sqrt(((x - mean) ** 2).mean()))
    if not np.isin(y, (-1.0, 1.0)).all() or abs(y.sum()) == len(y):
        raise DataError("svm: needs samples on both sides, marked -1 and +1")
    if not scale > 0:
        raise DataError(f"svm: all {len(x)} codes are the same, so nothing separates them")
    return _Problem((x - mean) / scale * y[:, None], y, penalty * scale * scale), mean, scale


def _start(problem: _Problem) -> _Point:
    """A strictly feasible point of the primal and the dual, which every later step then stays."""
    y = problem.y
    positive, negative = int((y > 0).sum()), int((y < 0).sum())
    fewer = min(positive, negative)
    a = 0.5 * problem.penalty * np.where(y > 0, fewer / positive, fewer / negative)
    margin = problem.z @ (problem.z.T @ a) - 1
    return _Point(a, np.maximum(margin, 0) + 1, np.maximum(-margin, 0) + 1, 0.0)


def _relative_gap(problem: _Problem, point: _Point) -> float:
    return problem.gap(point) / (1 + abs(problem.objective(point)))


def _step(problem: _Problem, p: _Point) -> _Point:
    """One predictor-corrector step: aim at the solution, see how far that goes, then re-aim with that much centring."""
    room, mean_gap = problem.penalty - p.a, problem.gap(p) / (2 * len(p.a))
    system = _NewtonSystem(problem, p)
    ahead = system.solve(-p.a * p.lower, -room * p.upper)
    reached = problem.gap(_advance(problem, p, ahead)) / (2 * len(p.a))
    target = mean_gap * (reached / mean_gap) ** 3
    lower = target - p.a * p.lower - ahead.a * ahead.lower
    upper = target - room * p.upper + ahead.a * ahead.upper
    return _advance(problem, p, system.solve(lower, upper))


def _advance(problem: _Problem, p: _Point, d: _Point) -> _Point:
    """As far along d as all of a, C - a and both multipliers stay positive."""
    pairs = ((p.a, d.a), (problem.penalty - p.a, -d.a), (p.lower, d.lower), (p.upper, d.upper))
    steepest = max(float((-delta / value).max()) for value, delta in pairs)
    t = min(1.0, _BACK_OFF / steepest) if steepest > 0 else 1.0
    moved = replace(p, a=p.a + t * d.a, lower=p.lower + t * d.lower, upper=p.upper + t * d.upper)
    return replace(moved, intercept=p.intercept + t * d.intercept)


class _NewtonSystem:
    """(diag + Z Z^T) da + y db = r, y . da = -y . a, by Woodbury: only a (D,D) matrix is ever solved with."""

    def __init__(self, problem: _Problem, point: _Point) -> None:
        self.z, self.y, self.point = problem.z, problem.y, point
        self.room = problem.penalty - point.a
        self.diagonal = point.lower / point.a + point.upper / self.room
        scaled = self.z / np.sqrt(self.diagonal)[:, None]
        inner = scaled.T @ scaled
        inner[np.diag_indices_from(inner)] += 1
        self.factor = np.linalg.inv(np.linalg.cholesky(inner))
        self.residual = self.z @ (self.z.T @ point.a) - 1 + self.y * point.intercept - point.lower + point.upper
        self.inverse_y = self._inverse(self.y)

    def solve(self, lower: _Vector, upper: _Vector) -> _Point:
        """The step that changes a x lower by `lower` and (C - a) x upper by `upper`, to first order."""
        p = self.point
        free = self._inverse(-self.residual + lower / p.a - upper / self.room)
        intercept = float((self.y @ free + self.y @ p.a) / (self.y @ self.inverse_y))
        a = free - intercept * self.inverse_y
        return _Point(a, (lower - p.lower * a) / p.a, (upper + p.upper * a) / self.room, intercept)

    def _inverse(self, r: _Vector) -> _Vector:
        q = r / self.diagonal
        correction: _Vector = self.z @ (self.factor.T @ (self.factor @ (self.z.T @ q)))
        return q - correction / self.diagonal
