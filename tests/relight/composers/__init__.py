"""Tests of higan_cam.relight.composers."""
