"""A small mask-conditioned diffusion model, trained on a run's dataset: "put light here"."""
