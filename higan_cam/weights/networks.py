"""One network out of a file that holds several, found by its keys and not by what its wrappers are called.

A network lies wherever its marker, a key that every copy of it has, ends a key of the file: below `state_dict`, below
`model.generator`, below a name nobody thought of. Of several copies the averaged one counts, the discriminator does
not, and what is then left undecided is for the user to say.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from higan_cam.errors import WeightsError
from higan_cam.weights.paths import SEPARATOR

log = logging.getLogger(__name__)

_TRANSPARENT = frozenset(
    {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module"}
)
"""What DDP, torch.compile, FSDP, checkpointing and Fabric put between a network's names, at any depth."""
_NET = r"(?:net|model|params?|weights|state|dict|generator|gen|g)*"
_AVERAGED = re.compile(
    rf"{_NET}(?:ema|emas|smooth|smoothed|averag(?:e|ed|ing)|avg|running|shadow|swa|polyak|teacher|litema){_NET}\d*"
)
_NVIDIAS_AVERAGED = frozenset({"gs", "ge"})
_RAW = frozenset({"current", "online", "raw", "student", "orig", "original", "live"})
_NOT = frozenset({"non", "no", "not", "without", "wo", "backup", "collected", "stored"})
"""Beside a word for an average: not it, or what EMA classes put aside while the average is in use."""
_OPPONENT = re.compile(r"(?:net|model)?(?:d|dis|disc|discriminator|critic)(?:net)?\d*")
_GENERATOR = re.compile(r"(?:net|model)?(?:g|gs|ge|gen|generator|gema|emag)(?:net)?\d*")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SHOWN = 8


@dataclass(frozen=True, eq=False)
class Network:
    """A state dict in a file.

    Attributes:
        name: the dotted names above it; empty where there are none.
        tensors: by its own keys.
    """

    name: str
    tensors: Mapping[str, Tensor]

    def __str__(self) -> str:
        key = next(iter(self.tensors), "")
        shown = f"{self.name}.{key}" if self.name else key
        return f"{self.name or 'the top level'} ({len(self.tensors)} tensors, e.g. {shown})"


def plain_keys(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors without the names that wrappers of modules put between theirs; as they are where two meet."""
    renamed = {}
    for key, value in tensors.items():
        *parts, last = key.split(".")
        renamed[".".join([*(part for part in parts if part not in _TRANSPARENT), last])] = value
    return renamed if len(renamed) == len(tensors) else dict(tensors)


def networks_with(
    tensors: Mapping[str, Tensor],
    markers: Collection[str],
    belongs: Callable[[str, str], bool] = lambda _marker, _key: False,
) -> list[Network]:
    """Every place below which a marker lies, by name; what lies below a longer one is not in a shorter one.

    `belongs` says whether networks with a marker have a key: what lies in such a place is a part, and no network.
    """
    places = {
        (key[: -len(marker)].removesuffix("."), marker)
        for key in tensors
        for marker in markers
        if key == marker or key.endswith(f".{marker}")
    }
    parts = {
        (name, marker)
        for name, marker in places
        for outer, outers in places
        if name != outer and name.startswith(f"{outer}." if outer else "")
        if belongs(outers, f"{name.removeprefix(outer).removeprefix('.')}.{marker}")
    }
    names = {name for name, _ in places - parts}
    return [Network(name, _below(tensors, name, names)) for name in sorted(names)]


def choose(found: Sequence[Network], source: str, wanted: str | None) -> Network:
    """The one that `wanted` names, or the averaged one of the generators.

    Raises:
        WeightsError: none of that name, or several that nothing tells apart; each is listed with its name.
    """
    if wanted is not None:
        left = [each for each in found if wanted in ("", each.name) or each.name.endswith(f".{wanted}")]
        left = [each for each in left if each.name == wanted] or left
    else:
        left = _preferred(found)
    if len(left) > 1 and all(_same(left[0].tensors, each.tensors) for each in left[1:]):
        left = left[:1]
    if len(left) != 1:
        what = (
            f"no network {wanted!r} in it" if not left else "several networks in it fit, and nothing tells them apart"
        )
        raise WeightsError(
            f"{source}: {what}; it holds {listing(left or found)}. Name one behind the path: "
            f"{source}{SEPARATOR}{(left or found)[0].name}"
        )
    if len(found) > 1:
        others = ", ".join(each.name or "the top level" for each in found if each is not left[0])
        log.info("weights=%s network=%s was taken, not %s", source, left[0].name or "(top level)", others)
    return _completed(left[0], found)


def is_averaged(name: str) -> bool:
    """Whether a dotted name says that what lies below it is an average."""
    return _averaging([_words(part) for part in name.split(".")]) > 0


def groups(tensors: Mapping[str, Tensor]) -> list[Network]:
    """What a file holds, by the first name in which its keys differ."""
    common: list[str] = []
    keys = [key.split(".") for key in tensors]
    while keys and all(len(key) > len(common) + 1 and key[: len(common)] == common for key in keys):
        if len({key[len(common)] for key in keys}) > 1:
            break
        common.append(keys[0][len(common)])
    names = dict.fromkeys(".".join(key[: len(common) + 1]) if len(key) > len(common) + 1 else "" for key in keys)
    return [Network(name, _below(tensors, name, set(names))) for name in names]


def listing(found: Sequence[Network]) -> str:
    """Each with its number of tensors and one of its keys."""
    rest = len(found) - _SHOWN
    return ", ".join(str(each) for each in found[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def without_bookkeeping(state: Mapping[str, Tensor], fits: Callable[[str], bool]) -> dict[str, Tensor]:
    """Without what training keeps beside a network: optimisers' states, its opponent, single numbers at the top."""

    def beside(key: str, value: Tensor) -> bool:
        first, dot, _ = key.partition(".")
        return bool(_BOOKKEEPING.match(key) or _no_opponent([_words(first)])) if dot else value.numel() == 1

    return {key: value for key, value in state.items() if fits(key) or not beside(key, value)}


_BOOKKEEPING = re.compile(
    r"(\w*optim\w*|opt(_\w+|\d*)|\w*_opt|\w*scheduler\w*|\w*scaler\w*|callbacks|loops|hyper_parameters|hparams|args"
    r"|config|metrics|\w*loss(es)?|history|rng_states?|\w*_rng_state|random_state)\.",
    re.IGNORECASE,
)


def apart(found: Sequence[Network], others: Sequence[Network]) -> list[Network]:
    """The networks found without what lies below the names of others, and then the others."""
    inner = [f"{each.name}." for each in others]
    return [
        *(
            Network(each.name, {key: value for key, value in each.tensors.items() if not _under(each.name, key, inner)})
            for each in found
        ),
        *others,
    ]


def _under(name: str, key: str, inner: Sequence[str]) -> bool:
    whole = f"{name}.{key}" if name else key
    return any(whole.startswith(start) for start in inner)


def _below(tensors: Mapping[str, Tensor], name: str, names: Collection[str]) -> dict[str, Tensor]:
    inner = [f"{each}." for each in names if each != name and each.startswith(f"{name}." if name else "")]
    start = f"{name}." if name else ""
    return {
        key.removeprefix(start): value
        for key, value in tensors.items()
        if key.startswith(start) and not any(key.startswith(other) for other in inner)
    }


def _preferred(found: Sequence[Network]) -> list[Network]:
    """What is left after each preference that some of them meet: no opponent, averaged, called a generator."""
    shared = _shared_names([each.name for each in found])
    words = {each.name: [_words(part) for part in each.name.split(".")[shared:]] for each in found}
    left = list(found)
    for rank in (_no_opponent, _averaging, _called_generator):
        best = max(rank(words[each.name]) for each in left)
        left = [each for each in left if rank(words[each.name]) == best]
    return left


def _shared_names(names: Sequence[str]) -> int:
    """How many leading parts all the names have in common."""
    parts = [name.split(".") for name in names]
    shared = 0
    while all(len(each) > shared + 1 and each[shared] == parts[0][shared] for each in parts) and len(parts) > 1:
        shared += 1
    return shared


def _words(part: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(part)]


def _no_opponent(parts: list[list[str]]) -> int:
    return -any(_OPPONENT.fullmatch(form) for words in parts for form in (*words, "".join(words)))


def _averaging(parts: list[list[str]]) -> int:
    """1 for an averaged copy, -1 for one that says it is not, 0 for one that says nothing."""
    every = [word for words in parts for word in words]
    averaged = any(
        _AVERAGED.fullmatch(form) or form in _NVIDIAS_AVERAGED
        for words in parts
        for form in (*words, "".join(word for word in words if not word.isdigit()))
    )
    if averaged and not _NOT & set(every):
        return 1
    return -1 if averaged or _RAW & set(every) else 0


def _called_generator(parts: list[list[str]]) -> int:
    return int(any(_GENERATOR.fullmatch(form) for words in parts for form in (*words, "".join(words))))


def _same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[key]) for key, value in one.items())


def _completed(chosen: Network, found: Sequence[Network]) -> Network:
    """With what its one twin has and it lacks: averages of parameters alone leave the buffers to the raw copy."""
    keys = set(chosen.tensors)
    twins = [each for each in found if each is not chosen and keys < set(each.tensors)]
    twins = _preferred(twins) if twins else []
    return Network(chosen.name, {**twins[0].tensors, **chosen.tensors}) if len(twins) == 1 else chosen
