"""Trainers for the embedded generator and scorer."""
