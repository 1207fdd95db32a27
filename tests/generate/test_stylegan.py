"""StyleGAN's shape; the full network is compared with HiGAN's numbers in tests/parity."""

from __future__ import annotations

from higan_cam.generate import StyleGAN


def test_doubling_is_fused_from_128_px() -> None:
    generator = StyleGAN(resolution=256, z_dim=4, w_dim=4, mapping_width=4, channels=(2,) * 7)
    keys = set(generator.state_dict())
    assert {"synthesis.layer8.conv.weight", "synthesis.layer10.weight", "synthesis.layer12.weight"} <= keys
    assert generator.num_layers == len(generator.layer_resolutions) == 14
