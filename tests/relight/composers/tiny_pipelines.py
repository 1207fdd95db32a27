"""Inpainting pipelines of the diffusers library in miniature, saved as folders: random weights, nothing downloaded.

Each draws 32 px unless told otherwise; its autoencoder takes a picture to a quarter of its size.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors.torch import save_file

from tests.integration.tiny_diffusion import CHANNELS, DOWN, parts

SIDE = 32
_WIDTH = 16
"""Of text embeddings, as in `tiny_diffusion`."""
_WIDE = 16
"""Channels of the latents of Stable Diffusion 3; the library takes no other number."""
_VISION: dict[str, Any] = {
    **{"hidden_size": 16, "intermediate_size": 32, "projection_dim": 16, "num_hidden_layers": 1},
    **{"num_attention_heads": 2, "image_size": 32, "patch_size": 8},
}


def stable_diffusion(folder: Path) -> Path:
    """Stable Diffusion's inpainting model: a UNet of nine channels."""
    some = parts(folder / "letters")
    pipeline = diffusers.StableDiffusionInpaintPipeline(
        vae=some.vae,
        text_encoder=some.text_encoder,
        tokenizer=some.tokenizer,
        unet=_unet(9, _WIDTH),
        scheduler=_ddim(some),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    return _saved(pipeline, folder)


def stable_diffusion_xl(folder: Path) -> Path:
    """Stable Diffusion XL's text-to-image model, of which the library makes an inpainting one: two text encoders."""
    some = parts(folder / "letters")
    torch.manual_seed(2)
    config = some.text_encoder.config.to_dict() | {"projection_dim": _WIDTH}
    second: Any = transformers.CLIPTextModelWithProjection(transformers.CLIPTextConfig(**config))
    pipeline = diffusers.StableDiffusionXLPipeline(
        vae=some.vae,
        text_encoder=some.text_encoder,
        text_encoder_2=second,
        tokenizer=some.tokenizer,
        tokenizer_2=some.tokenizer,
        unet=_unet(
            CHANNELS,
            2 * _WIDTH,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + _WIDTH,
        ),
        scheduler=_ddim(some),
        add_watermarker=False,
    )
    return _saved(pipeline, folder)


def stable_diffusion_3(folder: Path) -> Path:
    """Stable Diffusion 3: a transformer, flow matching, no T5."""
    some = parts(folder / "letters")
    torch.manual_seed(3)
    words = some.text_encoder.config.to_dict() | {"projection_dim": _WIDTH}
    encoders: list[Any] = [
        transformers.CLIPTextModelWithProjection(transformers.CLIPTextConfig(**words)) for _ in range(2)
    ]
    transformer = diffusers.SD3Transformer2DModel(
        sample_size=SIDE // DOWN,
        patch_size=1,
        in_channels=_WIDE,
        out_channels=_WIDE,
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_projection_dim=32,
        joint_attention_dim=2 * _WIDTH,
        pooled_projection_dim=2 * _WIDTH,
    )
    vae = diffusers.AutoencoderKL(
        block_out_channels=(8, 8, 16),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=_WIDE,
        norm_num_groups=8,
        shift_factor=0.0,
    )
    pipeline = diffusers.StableDiffusion3InpaintPipeline(
        transformer=transformer,
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
        vae=vae,
        text_encoder=encoders[0],
        tokenizer=some.tokenizer,
        text_encoder_2=encoders[1],
        tokenizer_2=some.tokenizer,
        text_encoder_3=None,
        tokenizer_3=None,
    )
    return _saved(pipeline, folder)


def paint_by_example(folder: Path) -> Path:
    """Paint by Example: no words, a picture to paint after."""
    from diffusers.pipelines.deprecated.paint_by_example import PaintByExampleImageEncoder

    some = parts(folder / "letters")
    torch.manual_seed(4)
    pipeline = diffusers.PaintByExamplePipeline(
        vae=some.vae,
        image_encoder=PaintByExampleImageEncoder(transformers.CLIPVisionConfig(**_VISION), proj_size=_WIDTH),
        unet=_unet(9, _WIDTH),
        scheduler=_ddim(some),
        safety_checker=None,
        feature_extractor=transformers.CLIPImageProcessor(size=32, crop_size=32),
    )
    return _saved(pipeline, folder)


FAMILIES: dict[str, Callable[[Path], Path]] = {
    "StableDiffusionInpaintPipeline": stable_diffusion,
    "StableDiffusionXLInpaintPipeline": stable_diffusion_xl,
    "StableDiffusion3InpaintPipeline": stable_diffusion_3,
    "PaintByExamplePipeline": paint_by_example,
}
"""By the class that comes out."""


def adapter(folder: Path, pipeline: Path) -> Path:
    """An IP-Adapter for the UNet of a saved pipeline, its image encoder beside it."""
    unet: Any = diffusers.UNet2DConditionModel.from_pretrained(pipeline / "unet", use_safetensors=True)
    torch.manual_seed(5)
    words = unet.config.cross_attention_dim
    tensors = {
        "image_proj.proj.weight": torch.randn(4 * words, _VISION["projection_dim"]),
        "image_proj.proj.bias": torch.zeros(4 * words),
        "image_proj.norm.weight": torch.ones(words),
        "image_proj.norm.bias": torch.zeros(words),
    }
    crossed = [name.removesuffix(".processor") for name in unet.attn_processors if name.endswith("attn2.processor")]
    for number, name in enumerate(crossed):
        shape = unet.get_submodule(name).to_k.weight.shape
        for kind in ("to_k_ip", "to_v_ip"):
            tensors[f"ip_adapter.{2 * number + 1}.{kind}.weight"] = torch.randn(shape)
    folder.mkdir(parents=True)
    save_file(tensors, folder / "ip-adapter.safetensors")
    encoder: Any = transformers.CLIPVisionModelWithProjection(transformers.CLIPVisionConfig(**_VISION))
    encoder.save_pretrained(folder / "image_encoder")
    return folder


def _unet(channels: int, words: int, **options: Any) -> Any:
    torch.manual_seed(1)
    return diffusers.UNet2DConditionModel(
        sample_size=SIDE // DOWN,
        in_channels=channels,
        out_channels=CHANNELS,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=words,
        attention_head_dim=8,
        norm_num_groups=8,
        **options,
    )


def _ddim(some: Any) -> Any:
    return diffusers.DDIMScheduler.from_config(some.scheduler.config, clip_sample=False)


def _saved(pipeline: Any, folder: Path) -> Path:
    made = folder / "pipeline"
    pipeline.save_pretrained(made, safe_serialization=True)
    return made
