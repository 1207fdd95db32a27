"""One typed, frozen configuration, validated at construction: a file per section, loading, identity.

`RunConfig` is the whole job. Everything in it except `output`, `store`, `curation` and `runtime` shapes the bytes of
the dataset and is part of `config_hash`; `store` and `runtime` say how to run, never what comes out, and `curation`
what to use of it.
"""

from higan_cam.config.captions import CaptionConfig
from higan_cam.config.curation import CurationConfig
from higan_cam.config.identity import config_hash, differing_fields, identity
from higan_cam.config.layers import parse_layers
from higan_cam.config.loading import load_config, merged, parse_config, read_fields
from higan_cam.config.pictures import InvertConfig, LightConfig, StudentConfig, UpscaleConfig
from higan_cam.config.run import RunConfig
from higan_cam.config.runtime import RuntimeConfig
from higan_cam.config.scorer import ScorerConfig
from higan_cam.config.stages import (
    AttributionConfig,
    BoundaryConfig,
    EditConfig,
    GeneratorConfig,
    LabelConfig,
    MaskConfig,
    PublishConfig,
    RegionConfig,
    SourceConfig,
)
from higan_cam.config.store import StoreConfig

__all__ = [
    "AttributionConfig",
    "BoundaryConfig",
    "CaptionConfig",
    "CurationConfig",
    "EditConfig",
    "GeneratorConfig",
    "InvertConfig",
    "LabelConfig",
    "LightConfig",
    "MaskConfig",
    "PublishConfig",
    "RegionConfig",
    "RunConfig",
    "RuntimeConfig",
    "ScorerConfig",
    "SourceConfig",
    "StoreConfig",
    "StudentConfig",
    "UpscaleConfig",
    "config_hash",
    "differing_fields",
    "identity",
    "load_config",
    "merged",
    "parse_config",
    "parse_layers",
    "read_fields",
]
