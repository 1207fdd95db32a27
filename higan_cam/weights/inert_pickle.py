"""Read a pickle as data: nothing is imported, called or allocated beyond what the bytes themselves spell out.

A restricted `Unpickler` still runs the callables it allows and still obeys sizes a file asks for (a huge memo index, a
huge array). This reader walks `pickletools.genops` and only builds tuples, lists, dicts and inert `Call` records; an
opcode or a global that numpy's arrays do not need is refused.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO

ARRAYS = {
    "numpy.core.multiarray _reconstruct": "_reconstruct",
    "numpy._core.multiarray _reconstruct": "_reconstruct",
    "numpy.core.multiarray scalar": "scalar",
    "numpy._core.multiarray scalar": "scalar",
    "numpy ndarray": "ndarray",
    "numpy dtype": "dtype",
}
"""Names that arrays and numbers of numpy need, under both homes numpy has had for them."""
_CONSTANTS = {"NONE": None, "NEWFALSE": False, "NEWTRUE": True}
_OPERANDS = {
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE", "BINBYTES",
    "SHORT_BINBYTES",
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
        ValueError: for anything but plain containers, strings, bytes, numbers and records of numpy's arrays.
    """
    stream = io.BytesIO(data)
    value = _read_one(stream, _Machine(ARRAYS))
    if stream.read(1):
        raise ValueError("bytes after the end of the pickle")
    return value


def survey_pickle(stream: IO[bytes]) -> object:
    """As `read_pickle`, of the next pickle in a stream and with every name let pass as it is spelled.

    For telling what a refused file holds, and where. Keys that are no strings stand as their `repr`.

    Raises:
        ValueError: a malformed pickle, or opcodes that torch.save does not write.
    """
    return _read_one(stream, _Surveyor(None))


def _read_one(stream: IO[bytes], machine: _Machine) -> object:
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            machine.run(opcode.name, argument)
    except (IndexError, KeyError, TypeError, DeprecationWarning) as error:
        # genops warns of odd escapes in names, which is an error where warnings are errors
        raise ValueError(f"malformed pickle ({type(error).__name__})") from error
    if len(machine.stack) != 1 or machine.marks:
        raise ValueError("malformed pickle: it does not end with one value")
    return machine.stack[0]


class _Machine:
    """The pickle machine's stack, open groups and memo, on inert values."""

    handlers: Mapping[str, Callable[..., object]] = {}

    def __init__(self, names: Mapping[str, str] | None) -> None:
        self.names = names
        self.stack: list[object] = []
        self.marks: list[int] = []
        self.memo: dict[int, object] = {}

    def run(self, name: str, argument: object) -> None:
        if name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in _OPERANDS:
            self.stack.append(argument)
        elif name not in _NO_EFFECT:
            handler = self.handlers.get(name)
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
        names = self.names
        if not isinstance(name, str) or (names is not None and name not in names):
            raise ValueError(f"pickle refers to {str(name)[:80]!r}, which is not allowed")
        self.stack.append(Global(name.replace(" ", ".") if names is None else names[name]))

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
            target[self.key(key)] = value

    def key(self, key: object) -> str:
        """Strings only: the hash of a nested tuple can take exponential time."""
        if not isinstance(key, str):
            raise TypeError("key")
        return key

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
_Machine.handlers = _HANDLERS


class _Surveyor(_Machine):
    """Lets every name pass, and the further opcodes that torch.save writes; calls stay records all the same."""

    def key(self, key: object) -> str:
        return key if isinstance(key, str) else repr(key) if isinstance(key, int | float | None) else type(key).__name__

    def reduce(self, _: object) -> None:
        arguments, function = self.pop(), self.pop()
        name = function.name if isinstance(function, Global) else type(function).__name__
        self.stack.append(Call(name, arguments if isinstance(arguments, tuple) else (arguments,)))

    def build(self, _: object) -> None:
        state, target = self.pop(), self.stack[-1]
        if isinstance(target, Call):
            target.state = state

    def update(self, items: list[object]) -> None:
        """Also into a record: that of an OrderedDict is filled after it is made."""
        target = self.stack[-1]
        if isinstance(target, Call):
            target.state = target.state if isinstance(target.state, dict) else {}
            self.stack.append(target.state)
            super().update(items)
            self.stack.pop()
        else:
            super().update(items)

    def new_with_names(self, _: object) -> None:
        self.pop()
        self.reduce(None)

    def persistent(self, _: object) -> None:
        """A storage; in the older format also a class, with its source."""
        match self.pop():
            case ("module", Global() as own, *_):
                self.stack.append(own)
            case _:
                self.stack.append(Call("persistent id", ()))

    def gather(self, _: object) -> None:
        self.stack.append(self.group())


_Surveyor.handlers = {
    **_HANDLERS,
    "NEWOBJ": _Surveyor.reduce,
    "NEWOBJ_EX": _Surveyor.new_with_names,
    "REDUCE": _Surveyor.reduce,
    "BUILD": _Surveyor.build,
    "SETITEM": lambda machine, _: machine.update([machine.pop(), machine.pop()][::-1]),
    "BINPERSID": _Surveyor.persistent,
    "EMPTY_SET": lambda machine, _: machine.stack.append([]),
    "ADDITEMS": lambda machine, _: machine.extend(machine.group()),
    "FROZENSET": _Surveyor.gather,
    "LIST": _Surveyor.gather,
    "LONG_BINPUT": _Machine.put,
    "LONG_BINGET": _Machine.get,
    **{
        name: lambda machine, argument: machine.stack.append(argument) for name in ("BINUNICODE8", "BINBYTES8", "LONG4")
    },
}
