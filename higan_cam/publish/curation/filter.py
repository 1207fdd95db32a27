"""Filters over samples, as one writes them on a command line: `retention > 0.5 and status == "ok"`.

The expression is parsed, never run as Python: names of columns, numbers, quoted text, + - * /, comparisons (also
chained: 0.1 < coverage < 0.5), `and`, `or`, `not` and brackets are all there is. A comparison with a figure that a
sample does not have (null) does not hold, whichever way it points.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from higan_cam.errors import ConfigError, unknown_name
from higan_cam.types import BoolArray

MAX_LENGTH = 500
"""Characters of an expression; deep nesting would exhaust the parser's stack."""
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def matching(expression: str, columns: Mapping[str, Any], option: str = "--where") -> BoolArray:
    """(n,) which samples the expression holds for.

    Args:
        expression: see above.
        columns: {name: (n,) numbers or text}.
        option: what to call the expression in errors.

    Raises:
        ConfigError: what is wrong with the expression, and where.
    """
    tree = _parsed(expression, option)
    count = len(next(iter(columns.values())))
    try:
        with np.errstate(all="ignore"):
            truth = _Evaluation(expression, columns, option).truth(tree)
    except RecursionError as error:
        raise ConfigError(f"{option}: nested too deeply: {expression!r}") from error
    return np.broadcast_to(truth, (count,)).copy()


def _parsed(expression: str, option: str) -> ast.expr:
    if len(expression) > MAX_LENGTH:
        raise ConfigError(f"{option}: at most {MAX_LENGTH} characters, got {len(expression)}")
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error) or type(error).__name__
        raise ConfigError(
            f"{option}: cannot read {expression!r} ({reason}); expected something like 'retention > 0.5'"
        ) from error


class _Evaluation:
    """One expression over one set of columns."""

    def __init__(self, expression: str, columns: Mapping[str, Any], option: str) -> None:
        self.expression, self.columns, self.option = expression.strip(), columns, option

    def truth(self, node: ast.expr) -> Any:
        match node:
            case ast.BoolOp(op=ast.And(), values=parts):
                return np.logical_and.reduce(np.broadcast_arrays(*map(self.truth, parts)))
            case ast.BoolOp(values=parts):
                return np.logical_or.reduce(np.broadcast_arrays(*map(self.truth, parts)))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return np.logical_not(self.truth(operand))
            case ast.Compare(left=left, ops=ops, comparators=others):
                values = [self.value(part) for part in (left, *others)]
                pairs = zip(ops, values, values[1:], strict=False)
                held = [self._compared(node, op, first, second) for op, first, second in pairs]
                return np.logical_and.reduce(np.broadcast_arrays(*held))
        raise self._error(node, "expected a comparison such as 'retention > 0.5'")

    def value(self, node: ast.expr) -> Any:
        match node:
            case ast.Name(id=name):
                if name not in self.columns:
                    raise unknown_name(f"{self.option}: column", name, self.columns)
                return np.asarray(self.columns[name])
            case ast.Constant(value=str() as text):
                return np.asarray(text)
            case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
                return self._number(node, number)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self._numeric(operand)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                return _ARITHMETIC[type(op)](self._numeric(left), self._numeric(right))
        raise self._error(node, "only columns, numbers, quoted text, + - * / and comparisons are understood")

    def _compared(self, node: ast.expr, op: ast.cmpop, first: Any, second: Any) -> Any:
        if type(op) not in _COMPARISONS:
            raise self._error(node, "comparisons are < <= > >= == !=")
        text = [value.dtype.kind == "U" for value in (first, second)]
        if text[0] != text[1]:
            raise self._error(node, "compares text with a number")
        held = _COMPARISONS[type(op)](first, second)
        return held if text[0] else held & ~np.isnan(first) & ~np.isnan(second)

    def _numeric(self, node: ast.expr) -> Any:
        value = self.value(node)
        if value.dtype.kind == "U":
            raise self._error(node, "text has no arithmetic")
        return value.astype(np.float64)

    def _number(self, node: ast.expr, number: float) -> Any:
        try:
            return np.asarray(float(number))
        except OverflowError as error:
            raise self._error(node, "too large a number") from error

    def _error(self, node: ast.expr, message: str) -> ConfigError:
        text = ast.get_source_segment(self.expression, node) or self.expression
        return ConfigError(f"{self.option}: {message}; found {text!r}")
