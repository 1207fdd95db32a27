"""A run's output: bytes under keys, and what makes them count."""

from higan_cam.store.lease import Lease, read_lease
from higan_cam.store.manifest import Commit, clear_quarantined, commit_shard, committed, quarantine_shard, quarantined
from higan_cam.store.run import begin_run, describe_run, read_run, run_uris
from higan_cam.store.store import Store, open_store
from higan_cam.store.verify import Problem, verify_run

__all__ = [
    "Commit",
    "Lease",
    "Problem",
    "Store",
    "begin_run",
    "clear_quarantined",
    "commit_shard",
    "committed",
    "describe_run",
    "open_store",
    "quarantine_shard",
    "quarantined",
    "read_lease",
    "read_run",
    "run_uris",
    "verify_run",
]
