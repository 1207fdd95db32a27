"""Lines that are printed to be pasted: Python and shell that hold whatever path the user has.

`datasets`, `glob` and every file pattern take brackets, stars and question marks in a folder's own name for patterns.
"""

from __future__ import annotations

import glob
import shlex
from collections.abc import Callable, Sequence

from higan_cam.store.keys import split_glob


def load_with_datasets(builder: str, pattern: str, *, streamed: bool = False) -> Callable[[str, Sequence[str]], str]:
    """(URI, splits that have samples) -> the line for the `datasets` library.

    It takes local folders by name, buckets and folders whose names look like patterns by file patterns.

    Args:
        builder: what reads the files.
        pattern: of a split's files below the URI; {split} is filled in.
        streamed: for what it reads from a bucket only so: it would download the files apart from each other.
    """

    def load(uri: str, splits: Sequence[str]) -> str:
        remote = "://" in uri
        if not remote and glob.escape(uri) == uri:
            return f"datasets.load_dataset({uri!r})"
        files = {split: f"{glob.escape(uri)}/{pattern.format(split=split)}" for split in splits or ("train",)}
        how = ", streaming=True" if streamed and remote else ""
        return f"datasets.load_dataset({builder!r}, data_files={files!r}{how})"

    return load


load_run = load_with_datasets("parquet", split_glob("{split}"))
"""The line for a run itself."""


def in_shell(line: str) -> str:
    """Python that a shell passes on as it is: `python -c …`."""
    plain = not set(line) & set('"$`\\!\n')
    return f'python -c "{line}"' if plain else f"python -c {shlex.quote(line)}"
