"""Whether a process of this machine still lives, told apart from a later one with the same number."""

from __future__ import annotations

import hashlib
from pathlib import Path


def machine() -> str:
    """Names the set of processes that can see each other: this boot of this kernel, and the process namespace.

    Containers of one host, even with one host name, have different ones. "" where the system does not tell.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return ""
    return hashlib.sha256(f"{boot} {namespace}".encode()).hexdigest()[:16]


def process_start(pid: int) -> str:
    """When the process began, in the kernel's ticks; "" where there is none (or it has ended and awaits its parent)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The second field is the command's name in brackets and may hold anything, spaces and brackets too.
    fields = text.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def is_alive(pid: int, born: str) -> bool:
    """Whether the process that began at `born` (see `process_start`) still lives, on this `machine`."""
    return bool(born) and process_start(pid) == born
