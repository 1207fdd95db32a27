"""Network, process and mount namespaces of the suite's own: no port, process or mount of it is seen outside.

Whatever is left when the command ends, the kernel ends with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

_MARK = "HIGAN_CAM_CHAOS_NAMESPACE"
# The shell stays process 1 and reaps what the kills orphan: Ray takes a zombie for a living process.
_SCRIPT = 'ip link set lo up || exit 9; "$@"; exit $?'


def inside() -> bool:
    """Whether this process runs in such namespaces already."""
    return _MARK in os.environ


def obstacle() -> str | None:
    """Why namespaces cannot be made here, or None."""
    if not sys.platform.startswith("linux"):
        return f"namespaces are Linux's, this is {sys.platform}"
    missing = [program for program in ("unshare", "ip", "mount") if shutil.which(program) is None]
    if missing:
        return f"{', '.join(missing)} not installed (apt-get install util-linux mount iproute2)"
    if os.geteuid() != 0:
        return "namespaces and kills of whole nodes need root"
    tried = subprocess.run(within(["true"]), capture_output=True, text=True, check=False)
    return None if tried.returncode == 0 else f"no namespaces here: {tried.stderr.strip() or tried.returncode}"


def within(command: Sequence[str]) -> list[str]:
    """`command`, in new namespaces with a loopback device that is up."""
    unshare = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return [*unshare, "env", f"{_MARK}=1", "sh", "-c", _SCRIPT, "sh", *command]
