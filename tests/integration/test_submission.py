"""`ray job submit` for real: a head with its dashboard and two nodes on loopback, writing to a real S3 server.

All of it in namespaces of its own, started by cluster_configs/local.sh, and shared by the tests of this module.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import secrets
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.job_submission import JobDetails, JobSubmissionClient

from tests.chaos.namespace import obstacle, within
from tests.cluster_configs.files import ROOT, load_yaml
from tests.support.s3_server import S3Server, ServerMissingError, available_kind
from tests.support.small_runs import OUTSIDE_IDENTITY, SMALL, digests
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.namespaces]
DASHBOARD = "http://127.0.0.1:8265"
_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Submitter:
    """The user's side of the cluster.

    Attributes:
        first: a process in the cluster's namespaces.
        environment: with the token.
        network: one thread in the cluster's network, for what needs no command line.
        store: the S3 server, reachable from that thread.
        folder: where Ray keeps its files.
    """

    first: int
    environment: dict[str, str]
    network: ThreadPoolExecutor
    store: S3Server
    folder: Path

    def ray(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`ray …`, in the repository's root, to its end."""
        enter = ["nsenter", "--target", str(self.first), "--net", "--pid", "--mount", f"--wd={ROOT}", "--"]
        return subprocess.run(
            [*enter, "ray", *arguments], env=self.environment, capture_output=True, text=True, check=False
        )

    def submit(self, name: str, entrypoint: list[str], *options: str) -> subprocess.CompletedProcess[str]:
        """`ray job submit` of this checkout under this name; waits for the job's end unless told otherwise."""
        return self.ray("job", "submit", "--submission-id", name, "--working-dir", ".", *options, "--", *entrypoint)

    def details(self, name: str) -> JobDetails:
        """What the head knows about a job."""
        return self.network.submit(lambda: self._client.get_job_info(name)).result()

    def logs(self, name: str) -> str:
        """What `ray job logs` prints, without a new process."""
        logs: str = self.network.submit(lambda: self._client.get_job_logs(name)).result()
        return logs

    @property
    def _client(self) -> JobSubmissionClient:
        return JobSubmissionClient(DASHBOARD, headers={"Authorization": f"Bearer {self.environment['RAY_AUTH_TOKEN']}"})

    def objects(self, output: str) -> dict[str, bytes]:
        """Everything below an s3:// URI."""
        return self.network.submit(self.store.objects, output).result()

    def digests(self, output: str) -> dict[str, str]:
        """{key: sha256} of everything that belongs to a run's identity."""
        kept = {key: body for key, body in self.objects(output).items() if key.split("/")[0] not in OUTSIDE_IDENTITY}
        return {key: hashlib.sha256(body).hexdigest() for key, body in kept.items()}


@pytest.fixture(scope="module")
def submitter() -> Iterator[Submitter]:
    """The cluster, up; its end is the end of its namespaces."""
    if reason := obstacle():
        pytest.skip(reason)
    try:
        available_kind()
    except ServerMissingError as error:
        pytest.skip(str(error))
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:  # short: sockets lie below
        environment = user_environment(Path(folder))
        process = subprocess.Popen(
            within(cluster_command(Path(folder) / "store")),
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            assert process.stdout is not None
            assert any("Ctrl-C ends all of it" in line for line in process.stdout), "the cluster did not start"
            first = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()[0])
            with ThreadPoolExecutor(1, initializer=lambda: join_network(first)) as network:
                yield Submitter(first, environment, network, store_of(Path(folder) / "store"), Path(folder))
        finally:
            process.kill()
            process.communicate()


def user_environment(folder: Path) -> dict[str, str]:
    """This process' environment, less what says where Ray is, and with a token and a folder of the cluster's own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "AWS_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
    return {**kept, **token, "PATH": path, "RAY_TMPDIR": str(folder), "RAY_API_SERVER_ADDRESS": DASHBOARD}


def cluster_command(written: Path) -> list[str]:
    """local.sh against a fresh S3 server, whose whereabouts are left in a file."""
    local = ["bash", "-c", 'env -0 > "$0" && exec cluster_configs/local.sh 2 1', str(written)]
    return [sys.executable, "-m", "tests.support.s3_server", "--bucket", "runs", "--", *local]


def store_of(written: Path) -> S3Server:
    """The server that `cluster_command` started."""
    values = dict(line.split("=", 1) for line in written.read_text().split("\0") if line)
    port = int(values["AWS_ENDPOINT_URL"].rpartition(":")[2])
    keys = {"access_key": values["AWS_ACCESS_KEY_ID"], "secret_key": values["AWS_SECRET_ACCESS_KEY"]}
    server: Any = SimpleNamespace(port=port, **keys)
    return S3Server(available_kind(), server)


def join_network(pid: int) -> None:
    """Move this thread, and no other, into the network of a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path(f"/proc/{pid}/ns/net").open("rb") as namespace:
        if libc.setns(namespace.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def overrides(output: str) -> list[str]:
    """A run of seconds on both nodes."""
    values = [f"output={output}", *SMALL, "runtime.workers=2"]
    return [argument for value in values for argument in ("--set", value)]


def finishes(submitter: Submitter, stage: str, output: str) -> None:
    """Submit one stage and see it succeed."""
    result = submitter.submit(stage, ["python", "-m", f"jobs.{stage}", *overrides(output)])
    assert result.returncode == 0, result.stdout
    assert submitter.details(stage).driver_exit_code == 0


def test_a_mistake_in_the_configuration_ends_with_status_2_and_one_line(submitter: Submitter) -> None:
    entrypoint = ["python", "-m", "jobs.make_mask_dataset", "--config", "data/configs/quick.yaml"]
    result = submitter.submit("mistake", [*entrypoint, "--set", "label.cont=160"])
    assert result.returncode == 1, "`ray job submit` has no other status for a job that failed"
    assert submitter.details("mistake").driver_exit_code == 2
    logs = submitter.logs("mistake")
    assert "error: config: label.cont: unknown name 'cont'" in logs
    assert "Traceback" not in logs


@pytest.mark.ceph
def test_stages_as_jobs_of_their_own_and_a_stopped_whole_make_the_same_bytes(
    submitter: Submitter, reference_run: Path
) -> None:
    """Between the stages runs the entrypoint of kuberay/rayjob.yaml, on less data, and is stopped half way."""
    output = "s3://runs/stages"
    for stage in ("label_latents", "fit_boundary"):
        finishes(submitter, stage, output)
    entrypoint = shlex.split(load_yaml("kuberay/rayjob.yaml")["spec"]["entrypoint"])
    slower = ["--set", "runtime.workers=1"]  # so that the stop comes before the end
    assert submitter.submit("whole", [*entrypoint, *overrides(output), *slower], "--no-wait").returncode == 0
    wait_until(lambda: "stage=mask begins" in submitter.logs("whole"), "the masks begin")
    assert submitter.ray("job", "stop", "whole").returncode == 0
    assert submitter.details("whole").status == "STOPPED"
    logs = submitter.logs("whole")
    assert "the same command goes on from here" in logs
    assert "Traceback" not in logs
    assert shards(submitter, output) < 6, "the stop has to come half way"
    for stage in ("make_masks", "write_report"):
        finishes(submitter, stage, output)
    assert submitter.digests(output) == digests(reference_run)
    assert "stage=label done=160/160" in submitter.logs("label_latents")
    assert "stage=mask done=24/24" in submitter.ray("job", "logs", "make_masks").stdout


def test_the_upload_is_the_checkout_without_what_git_ignores(submitter: Submitter) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: what belongs to the project is unknown")
    packages = submitter.folder / "ray" / "session_latest" / "runtime_resources" / "working_dir_files"
    if not any(packages.glob("_ray_pkg_*/")):  # every job of these tests brings the same
        assert submitter.submit("nothing", ["python", "-c", "pass"]).returncode == 0
    package = max(packages.glob("_ray_pkg_*/"), key=lambda path: path.stat().st_mtime)
    uploaded = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    ours = set(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"))
    compiled = {name for name in uploaded if name.endswith(".pyc")}  # by the job itself
    assert uploaded - compiled <= ours
    assert {"data/rooms_generator.safetensors", "data/rooms_scorer.safetensors", "data/configs/quick.yaml"} <= uploaded
    assert sum((package / name).stat().st_size for name in uploaded - compiled) < 30_000_000


def shards(submitter: Submitter, output: str) -> int:
    """Committed mask shards."""
    return sum(key.startswith("manifest/data-") for key in submitter.objects(output))


def test_nothing_of_the_cluster_listens_beyond_loopback(submitter: Submitter) -> None:
    """Ray runs any code that reaches it."""
    tables = [Path(f"/proc/{submitter.first}/net/{table}").read_text().splitlines()[1:] for table in ("tcp", "tcp6")]
    rows = [row.split() for table in tables for row in table]
    addresses = {row[1].partition(":")[0] for row in rows if row[3] == "0A"}
    assert addresses <= {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
