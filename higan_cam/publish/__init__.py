"""Samples, their rows and shards, captions, splits and the dataset card."""

from higan_cam.publish.card import CardFacts, render_card
from higan_cam.publish.dataset import dataset_schema, encode_shard
from higan_cam.publish.samples import sample_row
from higan_cam.publish.scores import decode_scores, encode_scores
from higan_cam.publish.splits import plan_splits

__all__ = [
    "CardFacts",
    "dataset_schema",
    "decode_scores",
    "encode_scores",
    "encode_shard",
    "plan_splits",
    "render_card",
    "sample_row",
]
