"""What consoles, desktops and file systems leave in a folder that nobody has put anything into."""

from __future__ import annotations

import re

_FILES = frozenset((".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", ".localized", ".directory", "icon\r"))
_PLACEHOLDERS = frozenset((".gitkeep", ".keep"))
_PREFIXES = ("._", ".nfs", ".fuse_hidden", ".~lock.")
_FOLDERS = frozenset(
    (
        *(".ipynb_checkpoints", "lost+found", "__macosx", ".appledouble", ".fseventsd", ".spotlight-v100", ".trashes"),
        *(".temporaryitems", "$recycle.bin", "system volume information", "@eadir", ".snapshot"),
    )
)
_TRASH = re.compile(r"\.trash(-\d+)?")


def is_litter(key: str, size: int) -> bool:
    """Whether an object is nobody's: the mark of an empty folder on an object store, or what a desktop left.

    Args:
        key: below the output.
        size: bytes. A mark or a placeholder holds none; one that does is somebody's.
    """
    *folders, name = key.casefold().split("/")
    if size == 0 and (not name or name.endswith("_$folder$") or name in _PLACEHOLDERS):
        return True
    return name in _FILES or name.startswith(_PREFIXES) or any(is_litter_folder(folder) for folder in folders)


def is_litter_folder(name: str) -> bool:
    """Whether nothing in a folder of this name is anybody's."""
    return name.casefold() in _FOLDERS or _TRASH.fullmatch(name.casefold()) is not None
