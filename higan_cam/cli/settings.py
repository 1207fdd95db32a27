"""`higan-cam config`: the effective configuration, or what every field means."""

from __future__ import annotations

from typing import Annotated

import typer
import yaml
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from higan_cam.cli.options import Config, Output, Profile, Set, errors, load
from higan_cam.config import RunConfig, config_hash


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(name="config")(show_config)


def show_config(
    config: Config = None,
    set_: Set = None,
    output: Output = None,
    profile: Profile = "default",
    explain: Annotated[bool, typer.Option("--explain", help="List every field with its meaning and default.")] = False,
    _show: Annotated[bool, typer.Option("--show", help="Print the effective configuration (the default).")] = True,
) -> None:
    """Print the effective configuration as YAML, or explain every field."""
    effective = load(config, set_, output, profile)
    console = Console()
    if explain:
        console.print(_explained())
    else:
        print(yaml.safe_dump(effective.model_dump(mode="json"), sort_keys=False), end="")  # noqa: T201
        errors.print(
            f"[dim]config hash {config_hash(effective)[:12]} (output, curation, store and runtime do not count)[/dim]"
        )


def _explained() -> Table:
    table = Table("field", "default", "meaning", box=None)
    _explain_fields(table, RunConfig, "")
    return table


def _explain_fields(table: Table, section: type[BaseModel], prefix: str) -> None:
    for name, field in section.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            _explain_fields(table, inner, f"{prefix}{name}.")
        else:
            default = field.default
            shown = default.model_dump() if isinstance(default, BaseModel) else default
            table.add_row(f"{prefix}{name}", repr(shown), field.description or "")
