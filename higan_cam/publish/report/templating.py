"""How every HTML page of a run is made from its template."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def page_environment(**filters: Callable[..., Any]) -> Environment:
    """Templates of this package: what is put in is escaped, and a name that is absent is an error."""
    environment = Environment(
        loader=PackageLoader("higan_cam.publish.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment
