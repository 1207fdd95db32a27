"""Any inpainting pipeline of the diffusers library, from a folder of the user's own."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from higan_cam.errors import ConfigError, WeightsError
from higan_cam.relight.composers.pipeline_folders import PipelineFolder, adapter_file, folder_digest, pipeline_folder
from higan_cam.weights.files import sha256_of

Dtype = Literal["float32", "float16", "bfloat16"]
PICTURE_ARGUMENTS = ("example_image", "ip_adapter_image")
"""What pipelines call a picture to paint after: as their only guide (Paint by Example), or through an adapter."""
_STUMBLES = (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, ArithmeticError)
_EXTRA = "the composer diffusion needs the libraries diffusers and transformers: pip install 'higan-cam[inpaint]'"


@dataclass(frozen=True, kw_only=True)
class DiffusionSettings:
    """An inpainting pipeline and how it is asked.

    Raises:
        ConfigError: a number out of range.
    """

    folder: str
    """Of the pipeline, in diffusers' layout, weights as safetensors. The user's own: nothing is fetched."""
    adapter: str = ""
    """An IP-Adapter's .safetensors file, or a folder with one, `image_encoder/` beside it; "" for none."""
    adapter_scale: float = 1.0
    """How much the adapter's picture counts, 0 to 1."""
    prompt: str = "a lamp that is switched on, warm light"
    """What to paint, where the pipeline takes words."""
    negative_prompt: str = ""
    """What not to paint."""
    steps: int = 50
    """Of the sampler."""
    guidance: float = 6.0
    """Guidance scale: 5 to 7 in most pipelines, more burns colours out."""
    strength: float = 1.0
    """How much of what was in the hole is replaced, above 0 to 1, where the pipeline can keep some."""
    size: tuple[int, int] | None = None
    """(height, width) that the pipeline draws, pixels; None for its own."""
    margin: float = 0.5
    """What it sees around the mask's box, at least, as a share of the box's sides."""
    dtype: Dtype = "float32"
    """Of the weights in memory."""
    device: str = "cpu"
    """Where it runs, such as cuda."""
    variant: str | None = None
    """Of the weights' files, such as fp16 of `diffusion_pytorch_model.fp16.safetensors`."""

    def __post_init__(self) -> None:
        """Check what the pipeline would fail on later, or take for something else."""
        checks = {
            "steps": (self.steps >= 1, "1 or more"),
            "guidance": (self.guidance >= 0, "0 or more"),
            "strength": (0 < self.strength <= 1, "above 0, at most 1"),
            "margin": (0 <= self.margin <= 10, "0 to 10"),
            "adapter_scale": (0 <= self.adapter_scale <= 1, "0 to 1"),
            "size": (self.size is None or min(self.size) >= 1, "1 px or more"),
            "dtype": (self.dtype in get_args(Dtype), f"one of {', '.join(get_args(Dtype))}"),
        }
        for name, (holds, expected) in checks.items():
            if not holds:
                raise ConfigError(f"diffusion: {name} must be {expected}, got {getattr(self, name)!r}")


@dataclass(frozen=True, eq=False)
class Pipeline:
    """A pipeline, loaded.

    Attributes:
        call: the pipeline of diffusers.
        takes: names of the arguments of its call.
        reference: the argument for a picture to paint after; None without one.
        size: (height, width) that it draws, pixels.
        record: what it is, as JSON has it.
    """

    call: Any
    takes: frozenset[str]
    reference: str | None
    size: tuple[int, int]
    record: Mapping[str, object]


def load_pipeline(settings: DiffusionSettings) -> Pipeline:
    """The pipeline of a folder, with its adapter, on its device, in eval mode.

    Raises:
        ConfigError: a library is absent; the adapter or the size does not go with the pipeline.
        WeightsError: the folder or the adapter cannot be used; says what was found and what is expected.
    """
    folder = pipeline_folder(settings.folder)
    call = _loaded(folder, settings)
    takes = frozenset(inspect.signature(type(call).__call__).parameters)
    record: dict[str, object] = {
        "pipeline": type(call).__name__,
        "scheduler": type(getattr(call, "scheduler", None)).__name__,
        "diffusers": _version(),
        "folder": folder.path.name,
        "weights": folder_digest(folder.path),
        "dtype": settings.dtype,
    }
    if settings.adapter:
        record |= _adapted(call, takes, settings)
    offered = [name for name in PICTURE_ARGUMENTS if name in takes and (name == "example_image" or settings.adapter)]
    call.set_progress_bar_config(disable=True)
    call.to(settings.device)
    _cast_if_needed(call, settings)
    return Pipeline(call, takes, next(iter(offered), None), settings.size or _own_size(call), record)


def _loaded(folder: PipelineFolder, settings: DiffusionSettings) -> Any:
    try:
        import diffusers
        import transformers  # noqa: F401  # without it the pipelines are stand-ins that raise when they are made
    except ImportError as error:
        raise ConfigError(_EXTRA) from error
    own = getattr(diffusers, folder.kind, None)
    if not inspect.isclass(own) or not issubclass(own, diffusers.DiffusionPipeline):
        raise WeightsError(
            f"{folder.path}: a pipeline {folder.kind!r}, which diffusers {diffusers.__version__} does not have; "
            "expected an inpainting pipeline of the library; install the version that the folder was saved with, or "
            "name another folder"
        )
    from diffusers.pipelines.auto_pipeline import AUTO_INPAINT_PIPELINES_MAPPING as KNOWN

    paints = {"image", "mask_image"} <= set(inspect.signature(own.__call__).parameters)
    load = _assembled if paints and own not in KNOWN.values() else _automatic
    try:
        return load(folder, own, settings)
    except ImportError as error:
        raise ConfigError(f"{folder.path}: {folder.kind} needs a library that is absent ({error})") from error
    except _STUMBLES as error:
        raise WeightsError(
            f"{folder.path}: {folder.kind} cannot be loaded for inpainting ({_first_line(error)}); expected a pipeline "
            "that diffusers' AutoPipelineForInpainting knows, whole, with its weights as safetensors; where they are "
            "of a variant such as fp16, set variant"
        ) from error


def _automatic(folder: PipelineFolder, _: type[Any], settings: DiffusionSettings) -> Any:
    """As the library maps its classes; a text-to-image pipeline becomes the inpainting one of its family."""
    import diffusers
    import torch

    return diffusers.AutoPipelineForInpainting.from_pretrained(
        str(folder.path),
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        dtype=getattr(torch, settings.dtype),
        variant=settings.variant,
        **dict.fromkeys(folder.absent),  # one that a folder was saved without is not missed, such as the T5 of SD3
    )


def _assembled(folder: PipelineFolder, own: type[Any], settings: DiffusionSettings) -> Any:
    """Part by part, for a pipeline that the library maps to nothing any more, such as Paint by Example.

    A part's class is looked up by its name, else by what the pipeline's own signature says that it takes.
    """
    import diffusers
    import torch
    import transformers

    taken = inspect.signature(own.__init__).parameters
    parts = {}
    for part, name in folder.parts.items():
        kind = getattr(diffusers, name, None) or getattr(transformers, name, None) or taken[part].annotation
        safe = {"use_safetensors": True, "variant": settings.variant} if issubclass(kind, torch.nn.Module) else {}
        parts[part] = kind.from_pretrained(str(folder.path / part), local_files_only=True, **safe)
    options = {name: value for name, value in folder.options.items() if name in taken}
    return own(**parts, **options, **dict.fromkeys(folder.absent))


def _cast_if_needed(call: Any, settings: DiffusionSettings) -> None:
    """To the settings' dtype, where loading has not done it: it leaves those parts wide that need it, this does not."""
    import torch

    wanted = getattr(torch, settings.dtype)
    if call.dtype != wanted:
        call.to(wanted)


def _adapted(call: Any, takes: frozenset[str], settings: DiffusionSettings) -> dict[str, object]:
    """The adapter put into the pipeline; what to record of it."""
    if "ip_adapter_image" not in takes or not hasattr(call, "load_ip_adapter"):
        raise ConfigError(f"diffusion: adapter: {type(call).__name__} takes no IP-Adapter; leave adapter empty")
    file = adapter_file(settings.adapter)
    encoder = "image_encoder_folder"
    if encoder not in inspect.signature(call.load_ip_adapter).parameters:  # as Flux calls it
        encoder = "image_encoder_pretrained_model_name_or_path"
    where = "image_encoder" if encoder == "image_encoder_folder" else str(file.parent / "image_encoder")
    options = {"subfolder": "", "weight_name": file.name, encoder: where, "local_files_only": True}
    try:
        call.load_ip_adapter(str(file.parent), **options)
    except _STUMBLES as error:
        raise WeightsError(
            f"adapter: {file}: does not go with {type(call).__name__} ({_first_line(error)}); expected an IP-Adapter "
            "of the same base model, with image_encoder/ beside it where the pipeline has none of its own"
        ) from error
    call.set_ip_adapter_scale(settings.adapter_scale)
    return {"adapter": file.name, "adapter_weights": sha256_of(file), "adapter_scale": settings.adapter_scale}


def _own_size(call: Any) -> tuple[int, int]:
    """(height, width) that a pipeline draws unless told otherwise, pixels."""
    parameters = inspect.signature(type(call).__call__).parameters
    told = [parameters[name].default for name in ("height", "width") if name in parameters]
    if len(told) == 2 and all(isinstance(value, int) for value in told):
        return told[0], told[1]
    network = getattr(call, "unet", None) or getattr(call, "transformer", None)
    sample = getattr(call, "default_sample_size", None) or getattr(
        getattr(network, "config", None), "sample_size", None
    )
    factor = getattr(call, "vae_scale_factor", None)
    if not sample or not factor:
        raise ConfigError(f"diffusion: size: {type(call).__name__} does not say what size it draws; set size")
    height, width = (sample, sample) if isinstance(sample, int) else sample[:2]
    return int(height * factor), int(width * factor)


def _version() -> str:
    import diffusers

    return str(diffusers.__version__)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
