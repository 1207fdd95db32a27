"""Two towers of pictures and sentences, from rooms whose facts are known."""
