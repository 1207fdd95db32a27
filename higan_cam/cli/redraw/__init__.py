"""Pictures drawn anew: `higan-cam train upscaler`, `upscale` and `stylise`."""

from higan_cam.cli.redraw.upscaling import register

__all__ = ["register"]
