"""Shards of pictures drawn anew."""
