"""The embedded generators: distilled from the renderers of the toy worlds."""
