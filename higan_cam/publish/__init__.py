"""Samples, shards, manifest, store, dataset card and report."""

from higan_cam.publish.card import CardFacts, render_card
from higan_cam.publish.dataset import dataset_schema, encode_shard
from higan_cam.publish.lease import Lease, read_lease
from higan_cam.publish.manifest import Commit, clear_quarantined, commit_shard, committed, quarantine_shard, quarantined
from higan_cam.publish.run import begin_run, describe_run, read_run, run_uris
from higan_cam.publish.samples import sample_row
from higan_cam.publish.scores import decode_scores, encode_scores, scores_path
from higan_cam.publish.splits import data_path, plan_splits
from higan_cam.publish.store import Store, open_store
from higan_cam.publish.verify import Problem, verify_run

__all__ = [
    "CardFacts",
    "Commit",
    "Lease",
    "Problem",
    "Store",
    "begin_run",
    "clear_quarantined",
    "commit_shard",
    "committed",
    "data_path",
    "dataset_schema",
    "decode_scores",
    "describe_run",
    "encode_scores",
    "encode_shard",
    "open_store",
    "plan_splits",
    "quarantine_shard",
    "quarantined",
    "read_lease",
    "read_run",
    "render_card",
    "run_uris",
    "sample_row",
    "scores_path",
    "verify_run",
]
