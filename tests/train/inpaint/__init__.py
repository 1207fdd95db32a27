"""Tests of the inpainter's training."""
