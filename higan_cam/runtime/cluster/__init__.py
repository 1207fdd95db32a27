"""Where Ray is: a local head of one's own, or a cluster to join. Nothing here may import ray on import."""
