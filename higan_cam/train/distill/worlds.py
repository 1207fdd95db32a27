"""The worlds that generators are distilled from, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from higan_cam.errors import unknown_name
from higan_cam.train.distill.faces import faces_world
from higan_cam.train.distill.rooms import rooms_world
from higan_cam.train.distill.world import ToyWorld

WORLDS: Mapping[str, Callable[[], ToyWorld]] = {"rooms": rooms_world, "faces": faces_world}


@lru_cache
def toy_world(name: str) -> ToyWorld:
    """One of `WORLDS`.

    Raises:
        ConfigError: there is no such world.
    """
    if name not in WORLDS:
        raise unknown_name("world", name, WORLDS)
    return WORLDS[name]()
