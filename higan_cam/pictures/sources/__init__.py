"""The kinds of places that pictures lie in: one protocol (`reader`), a module for each."""
