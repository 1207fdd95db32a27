"""z, w, w+ and the generators, one file per architecture."""

from higan_cam.generate.dcgan import DCGAN
from higan_cam.generate.images import from_uint8, to_uint8
from higan_cam.generate.latents import sample_latents
from higan_cam.generate.loading import GENERATORS, load_generator
from higan_cam.generate.pggan import PGGAN
from higan_cam.generate.stylegan import StyleGAN
from higan_cam.generate.stylegan2 import StyleGAN2

__all__ = [
    "DCGAN",
    "GENERATORS",
    "PGGAN",
    "StyleGAN",
    "StyleGAN2",
    "from_uint8",
    "load_generator",
    "sample_latents",
    "to_uint8",
]
