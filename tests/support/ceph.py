"""A Ceph of one monitor, one object store daemon in memory and one RADOS gateway (S3), on loopback, without root.

The daemons are direct children that the kernel ends with this process (`setpriv --pdeathsig`), however it ends. Data
lie in the memory of the object store daemon: the gateway may be killed and started again, the whole may not.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

PROGRAMS = ("ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin", "setpriv")
_STARTS = 3
_PORTS = range(20_000, 32_000)
_PATIENCE_S = 60.0
_CONF = """\
[global]
fsid = {fsid}
mon initial members = a
mon host = [v2:127.0.0.1:{mon_port}]
ms bind msgr1 = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = {folder}/keyring
mon data = {folder}/mon
osd data = {folder}/osd
run dir = {folder}
admin socket =
log file = {folder}/$name.log
mon data avail crit = 1
mon allow pool size one = true
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon max pg per osd = 1000
osd objectstore = memstore
memstore device bytes = 4294967296
paxos propose interval = 0.02
paxos min wait = 0.01
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{s3_port}
rgw dns name = 127.0.0.1
"""
_CAPABILITIES = {
    "mon.": ["--cap", "mon", "allow *"],
    "client.admin": ["--cap", "mon", "allow *", "--cap", "osd", "allow *"],
    "client.rgw": ["--cap", "mon", "allow rwx", "--cap", "osd", "allow rwx"],
    "osd.0": ["--cap", "mon", "allow profile osd", "--cap", "osd", "allow *"],
}


class CephError(RuntimeError):
    """Ceph did not start; names the log."""


def missing_programs() -> list[str]:
    """What of Ceph is not installed here."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


def free_port() -> int:
    """A loopback port that nobody has right now; another server may take it before we do.

    Not one of those that the kernel gives to clients: one of them would sit on it while the server is down, and a
    client that looks whether the server is up again may be given the very port and meet itself.
    """
    for port in random.SystemRandom().sample(_PORTS, 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise CephError(f"no free port found from {_PORTS.start} to {_PORTS.stop - 1}")


class CephGateway:
    """A running gateway in an empty folder. Call `stop`, or leave it to the end of this process.

    Attributes:
        port: the S3 port on 127.0.0.1.
        access_key, secret_key: of its one user; the secret is new for every server.
    """

    def __init__(self, folder: Path) -> None:
        self.access_key, self.secret_key = "testkey", secrets.token_hex(16)
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        for attempt in range(_STARTS):
            self._folder = folder / f"ceph-{attempt}"
            self._folder.mkdir(parents=True)
            self.port = free_port()
            try:
                self._start()
                break
            except (CephError, subprocess.SubprocessError):
                self.stop()
                if attempt == _STARTS - 1:
                    raise

    def stop(self) -> None:
        """End every daemon at once."""
        for name in list(self._children):
            self._kill(name)

    def drop(self) -> None:
        """Kill the gateway; its port refuses connections. Objects stay."""
        self._kill("radosgw")

    def restore(self) -> None:
        """Start the gateway again on the same port, and wait until it answers. It ends with the calling thread."""
        if "radosgw" in self._children:
            return
        self._spawn("radosgw", "-n", "client.rgw", "-f")
        self._wait("radosgw", lambda: _listens(self.port))

    def pause(self) -> None:
        """Freeze the gateway: connections are accepted and never answered."""
        self._children["radosgw"].send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen gateway go on."""
        self._children["radosgw"].send_signal(signal.SIGCONT)

    def _start(self) -> None:
        mon_port, fsid = free_port(), str(uuid.uuid4())
        conf = _CONF.format(fsid=fsid, mon_port=mon_port, s3_port=self.port, folder=self._folder)
        (self._folder / "ceph.conf").write_text(conf)
        for name in ("mon", "osd"):
            (self._folder / name).mkdir()
        keyring, monmap = str(self._folder / "keyring"), str(self._folder / "monmap")
        self._run("ceph-authtool", "--create-keyring", keyring)
        for entity, caps in _CAPABILITIES.items():
            self._run("ceph-authtool", keyring, "--gen-key", "-n", entity, *caps)
        self._run("monmaptool", "--create", "--addv", "a", f"[v2:127.0.0.1:{mon_port}]", "--fsid", fsid, monmap)
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", monmap, "--keyring", keyring)
        self._spawn("ceph-mon", "-i", "a", "-f")
        osd = str(uuid.uuid4())
        self._run("ceph", "osd", "new", osd, "0")
        self._run("ceph", "auth", "import", "-i", keyring)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._spawn("ceph-osd", "-i", "0", "-f")
        self._wait("ceph-osd", lambda: "1 up" in self._run("ceph", "osd", "stat"))
        user = ("--uid=test", "--display-name=test", f"--access-key={self.access_key}", f"--secret={self.secret_key}")
        self._run("radosgw-admin", "-n", "client.rgw", "user", "create", *user)
        self.restore()

    def _run(self, *command: str) -> str:
        with (self._folder / "commands.log").open("ab") as log:
            result = subprocess.run(
                self._tied(command),
                env=self._environment(),
                stdout=subprocess.PIPE,
                stderr=log,
                timeout=_PATIENCE_S,
                check=False,
            )
        if result.returncode != 0:
            raise CephError(f"{' '.join(command[:3])}: exit status {result.returncode}; see {log.name}")
        return result.stdout.decode()

    def _spawn(self, name: str, *arguments: str) -> None:
        with (self._folder / f"{name}.out").open("ab") as log:
            self._children[name] = subprocess.Popen(
                self._tied((name, *arguments)),
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _wait(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while not ready():
            if self._children[name].poll() is not None or time.monotonic() > deadline:
                raise CephError(f"{name} is not up; see {self._folder}/{name}.out and the logs beside it")
            time.sleep(0.02)

    def _kill(self, name: str) -> None:
        child = self._children.pop(name, None)
        if child is not None:
            child.kill()
            child.wait()

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "CEPH_CONF": str(self._folder / "ceph.conf")}

    @staticmethod
    def _tied(command: tuple[str, ...]) -> list[str]:
        """Ends with this process, even when it is killed."""
        return ["setpriv", "--pdeathsig", "KILL", "--", *command]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
