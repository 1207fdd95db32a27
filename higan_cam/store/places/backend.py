"""What a place has to do: fourteen operations on bytes under keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol


def nanoseconds(when: datetime) -> int:
    """Since 1970, of a time with its zone, exactly."""
    since = when - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000


class Backend(Protocol):
    """What a store needs from the place that holds its bytes. Paths are the backend's own, joined with "/"."""

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What its methods may raise when the place misbehaves."""
        ...

    def create(self, path: str, body: bytes) -> bool:
        """Write a new object, or return False where the path is taken."""
        ...

    def replace(self, path: str, body: bytes) -> None:
        """Write an object over whatever is there."""
        ...

    def read(self, path: str) -> bytes | None:
        """The bytes, or None where there is no object."""
        ...

    def read_many(self, paths: list[str]) -> dict[str, bytes]:
        """The bytes of every path that exists."""
        ...

    def size(self, path: str) -> int | None:
        """Bytes of the object, or None where there is none."""
        ...

    def sizes(self, prefix: str) -> dict[str, int]:
        """Bytes of every object whose path begins with the prefix, at any depth; empty where there is none."""
        ...

    def part(self, path: str, start: int, stop: int) -> bytes | None:
        """The bytes [start, stop) of an object, fewer where it ends before; None where there is none."""
        ...

    def listing(self, prefix: str) -> Iterator[tuple[str, int, str]]:
        """As `sizes`, one after the other in no order, with the server's tag of the content, "" where it has none."""
        ...

    def written(self, prefix: str) -> dict[str, int]:
        """When each object was last written, nanoseconds by the place's own clock; left out where it does not say."""
        ...

    def contents(self, folder: str) -> Iterator[tuple[str, int]]:
        """Path and bytes of what lies below it, marks of empty folders too; asks for no more than is taken."""
        ...

    def remove(self, path: str) -> None:
        """Remove an object; nothing happens where there is none."""
        ...

    def remove_leftovers(self, folder: str, older_than_s: float) -> list[str]:
        """Remove what writers that died more than so many seconds ago left below it; paths of what was removed."""
        ...
