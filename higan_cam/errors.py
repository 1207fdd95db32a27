"""The errors a user can meet. Each message names the field or file, what was found, what was expected and the fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HiganCamError(Exception):
    """Base of every error this package raises on purpose. The command line prints its message without a traceback.

    Attributes:
        exit_code: process exit status: 2 for usage or configuration, 3 for a run that finished with quarantined
            units, 1 for anything else.
    """

    exit_code = 1


class ConfigError(HiganCamError):
    """A configuration value is missing, unknown, out of range or contradicts another one."""

    exit_code = 2


class WeightsError(HiganCamError):
    """A weights or boundary file is missing, unsafe, truncated, or its keys and shapes do not fit the network."""

    exit_code = 2


class DataError(HiganCamError):
    """The data cannot support the step: too few samples, constant or NaN scores, an empty selection."""


class WorkersError(HiganCamError):
    """The cluster's workers cannot start."""


class StoreError(HiganCamError):
    """The output location cannot be read or written, or already holds something else."""


class RunMismatchError(StoreError):
    """The output directory belongs to a run with another configuration."""

    exit_code = 2


class LeaseHeldError(StoreError):
    """Another driver is at work in the output directory."""

    exit_code = 2


class LeaseLostError(StoreError):
    """Another driver has taken over the output directory, because this one was silent for too long."""


class QuarantinedError(HiganCamError):
    """The run is finished but some units failed on every attempt."""

    exit_code = 3


def unknown_name(kind: str, found: str, known: Iterable[str]) -> ConfigError:
    """`ConfigError` for a name that is not in a table of factories, with the nearest known name if one is close."""
    names = sorted(known)
    close = difflib.get_close_matches(found, names, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return ConfigError(f"{kind}: unknown name {found!r}; known: {', '.join(names)}.{hint}")
