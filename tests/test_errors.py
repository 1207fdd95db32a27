"""The errors a user can meet: one base, stable exit codes, helpful names."""

from __future__ import annotations

import pytest

from higan_cam import errors
from higan_cam.errors import ConfigError, HiganCamError, RunMismatchError, StoreError, unknown_name


def subclasses(error: type[HiganCamError]) -> set[type[HiganCamError]]:
    return {error, *(found for child in error.__subclasses__() for found in subclasses(child))}


def test_exit_codes_are_those_the_readme_promises() -> None:
    codes = {
        error.__name__: error.exit_code for error in subclasses(HiganCamError) if error.__module__ == errors.__name__
    }
    assert codes == {
        "HiganCamError": 1,
        "ConfigError": 2,
        "WeightsError": 2,
        "DataError": 1,
        "WorkersError": 1,
        "StoreError": 1,
        "RunMismatchError": 2,
        "LeaseHeldError": 2,
        "LeaseLostError": 1,
        "QuarantinedError": 3,
    }


def test_a_mismatched_run_is_a_store_error() -> None:
    assert issubclass(RunMismatchError, StoreError)


@pytest.mark.parametrize(("found", "hint"), [("svn", " Did you mean 'svm'?"), ("neural", "")])
def test_an_unknown_name_lists_the_known_and_suggests_only_what_is_close(found: str, hint: str) -> None:
    error = unknown_name("boundary.method", found, ["svm", "ridge", "mean_difference"])
    assert isinstance(error, ConfigError)
    assert str(error) == f"boundary.method: unknown name {found!r}; known: mean_difference, ridge, svm.{hint}"
