"""A network that learns what small pictures lack, from large ones that are shrunk."""
