"""Read a pickle as data: nothing is imported, called or allocated beyond what the bytes themselves spell out.

A restricted `Unpickler` still runs the callables it allows and still obeys sizes a file asks for (a huge memo index, a
huge array). This reader walks `pickletools.genops` and only builds tuples, lists, dicts and inert `Call` records; an
opcode or a global that numpy's arrays do not need is refused.
"""

from __future__ import annotations

import io
import pickletools
from dataclasses import dataclass

_GLOBALS = {
    "numpy.core.multiarray _reconstruct": "_reconstruct",
    "numpy._core.multiarray _reconstruct": "_reconstruct",
    "numpy ndarray": "ndarray",
    "numpy dtype": "dtype",
}
"""Names the reader lets pass, under both homes numpy has had for them."""
_CONSTANTS = {"NONE": None, "NEWFALSE": False, "NEWTRUE": True}
_OPERANDS = {
    "BININT", "BININT1", "BININT2", "BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES",
}  # fmt: skip
_NO_EFFECT = {"PROTO", "FRAME", "STOP"}


@dataclass(frozen=True)
class Global:
    """A name the pickle refers to; never imported."""

    name: str


@dataclass
class Call:
    """A call the pickle asks for and the state it would set; never made."""

    function: str
    arguments: tuple[object, ...]
    state: object = None


def read_pickle(data: bytes) -> object:
    """The value a pickle describes, with every call left as a `Call`.

    Raises:
        ValueError: for anything but plain containers, strings, bytes, small integers and numpy array records.
    """
    machine = _Machine()
    stream = io.BytesIO(data)
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            machine.run(opcode.name, argument)
    except (IndexError, KeyError, TypeError, DeprecationWarning) as error:
        # genops warns of odd escapes in names, which is an error where warnings are errors
        raise ValueError(f"malformed pickle ({type(error).__name__})") from error
    if stream.read(1):
        raise ValueError("bytes after the end of the pickle")
    if len(machine.stack) != 1 or machine.marks:
        raise ValueError("malformed pickle: it does not end with one value")
    return machine.stack[0]


class _Machine:
    """The pickle machine's stack, open groups and memo, on inert values."""

    def __init__(self) -> None:
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}

    def run(self, name: str, argument: object) -> None:
        if name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _OPERANDS:
            self.stack.append(argument)
        elif name not in _NO_EFFECT:
            handler = _HANDLERS.get(name)
            if handler is None:
                raise ValueError(f"pickle opcode {name} is not allowed")
            handler(self, argument)

    def pop(self) -> object:
        if self.marks and len(self.stack) <= self.marks[-1]:
            raise IndexError("pop beyond a mark")
        return self.stack.pop()

    def mark(self, _: object) -> None:
        self.marks.append(len(self.stack))

    def push_global(self, name: object) -> None:
        if not isinstance(name, str) or name not in _GLOBALS:
            raise ValueError(f"pickle refers to {str(name)[:80]!r}, which is not allowed")
        self.stack.append(Global(_GLOBALS[name]))

    def stack_global(self, _: object) -> None:
        name, module = self.pop(), self.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise ValueError("malformed pickle: a global without a name")
        self.push_global(f"{module} {name}")

    def group(self) -> list[object]:
        """What lies above the last mark, taken off together with it."""
        at = self.marks.pop()
        items = self.stack[at:]
        del self.stack[at:]
        return items

    def pack(self, count: int) -> None:
        items = [self.pop() for _ in range(count)]
        self.stack.append(tuple(reversed(items)))

    def extend(self, items: list[object]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise TypeError("append")
        target.extend(items)

    def update(self, items: list[object]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise TypeError("setitem")
        for key, value in zip(items[::2], items[1::2], strict=True):
            # keys are strings only: the hash of a nested tuple can take exponential time
            if not isinstance(key, str):
                raise TypeError("key")
            target[key] = value

    def reduce(self, _: object) -> None:
        arguments, function = self.pop(), self.pop()
        if not (isinstance(function, Global) and isinstance(arguments, tuple)):
            raise TypeError("reduce")
        self.stack.append(Call(function.name, arguments))

    def build(self, _: object) -> None:
        state, target = self.pop(), self.stack[-1]
        if not isinstance(target, Call):
            raise TypeError("build")
        target.state = state

    def put(self, index: object) -> None:
        self.memo[len(self.memo) if index is None else int(str(index))] = self.stack[-1]

    def get(self, index: object) -> None:
        self.stack.append(self.memo[int(str(index))])


_HANDLERS = {
    "GLOBAL": _Machine.push_global,
    "STACK_GLOBAL": _Machine.stack_global,
    "EMPTY_TUPLE": lambda machine, _: machine.stack.append(()),
    "EMPTY_LIST": lambda machine, _: machine.stack.append([]),
    "EMPTY_DICT": lambda machine, _: machine.stack.append({}),
    "MARK": _Machine.mark,
    "TUPLE": lambda machine, _: machine.stack.append(tuple(machine.group())),
    "TUPLE1": lambda machine, _: machine.pack(1),
    "TUPLE2": lambda machine, _: machine.pack(2),
    "TUPLE3": lambda machine, _: machine.pack(3),
    "APPEND": lambda machine, _: machine.extend([machine.pop()]),
    "APPENDS": lambda machine, _: machine.extend(machine.group()),
    "SETITEM": lambda machine, _: machine.update([machine.pop(), machine.pop()][::-1]),
    "SETITEMS": lambda machine, _: machine.update(machine.group()),
    "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build,
    "BINPUT": _Machine.put,
    "MEMOIZE": _Machine.put,
    "BINGET": _Machine.get,
}
