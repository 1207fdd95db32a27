"""What procedural worlds share: pictures as closed forms of a latent."""
