"""The generator's forward pass as it is, through PyTorch's compiler, and as one recorded CUDA graph.

The engine runs it as it is. What this prints on a card decides whether one of the others is worth its price: a start of
many seconds in every process, and bits of its own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch
from rich.table import Table
from torch import Tensor

from higan_cam.config import RunConfig
from higan_cam.pipeline import load_models
from higan_cam.types import Precision
from tests.benchmarks.gpu_timing import PRECISIONS, arithmetic, seconds_of, wait, with_precision

Work = Callable[[], Tensor]


@dataclass(frozen=True)
class Way:
    """One way of running the generator.

    Attributes:
        what: it is; precision, batch: as in `gpu.Row`.
        first_s: seconds until its first pictures: compiling, recording.
        per_second: pictures afterwards; 0 where it cannot be had.
        psnr_db: its pictures against those of the plain pass at the same precision; None where they are equal.
        why_not: what stands in its way, one line.
    """

    what: str
    precision: Precision
    batch: int
    first_s: float = 0.0
    per_second: float = 0.0
    psnr_db: float | None = None
    why_not: str = ""


def measure_ways(config: RunConfig, device: str, batch: int, least: float, backend: str) -> Iterator[Way]:
    """Each way at each precision. One that fails is a row that says why, and costs no other row.

    Args:
        least: seconds to measure each for.
        backend: of `torch.compile`.
    """
    for precision in PRECISIONS:
        with arithmetic(device, precision), torch.inference_mode():
            generator = load_models(with_precision(config, precision), device).generator
            z = torch.randn(batch, generator.z_dim, generator=torch.Generator().manual_seed(0)).to(device)
            codes = generator.truncate(generator.map(z))
            plain = partial(_picture, generator.synthesize, codes)
            expected = plain().clone()
            ways: dict[str, Callable[[], Work]] = {
                "plain": partial(_same, plain),
                f"torch.compile ({backend})": partial(_compiled, generator.synthesize, codes, backend),
                "CUDA graph": partial(_recorded, plain, device),
            }
            for what, make in ways.items():
                yield _measured(Way(what, precision, batch), make, expected, device, least)


def ways_table(ways: list[Way]) -> Table:
    """For a terminal."""
    table = Table("way", "precision", "batch", "first, s", "pictures/s", "PSNR to plain, dB", title="Generator, 256 px")
    for way in ways:
        alike = "equal" if way.psnr_db is None else f"{way.psnr_db:.1f}"
        figures = (f"{way.first_s:.1f}", f"{way.per_second:.0f}", alike)
        table.add_row(way.what, way.precision, str(way.batch), *(("", "", way.why_not) if way.why_not else figures))
    return table


def _measured(way: Way, make: Callable[[], Work], expected: Tensor, device: str, least: float) -> Way:
    began = time.perf_counter()
    try:
        work = make()
        pictures = work().clone()
        wait(device)
        first = time.perf_counter() - began
        rate = len(expected) / seconds_of(work, device, least)
    except Exception as error:  # noqa: BLE001 - no compiler, an operation that cannot be recorded: the row says it
        why = str(error).strip().splitlines()
        return Way(way.what, way.precision, way.batch, why_not=f"{type(error).__name__}: {why[0] if why else ''}"[:100])
    squared = float((pictures - expected).square().mean()) / 4
    psnr = None if torch.equal(pictures, expected) else float(-10 * torch.log10(torch.tensor(max(squared, 1e-20))))
    return Way(way.what, way.precision, way.batch, first, rate, psnr)


def _picture(synthesize: Callable[[Tensor], tuple[Tensor, object]], codes: Tensor) -> Tensor:
    return synthesize(codes)[0]


def _same(work: Work) -> Work:
    return work


def _compiled(synthesize: Callable[[Tensor], tuple[Tensor, object]], codes: Tensor, backend: str) -> Work:
    # One program per shape: with dynamic shapes, bits depend on which shape came first.
    compiled = torch.compile(synthesize, dynamic=False, backend=backend)
    return partial(_picture, compiled, codes)


def _recorded(work: Work, device: str) -> Work:
    """The work as a CUDA graph; each call writes the same memory again."""
    if device != "cuda":
        raise ValueError("not measured: needs a GPU")
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):  # allocations and the libraries' choices are made before recording
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        pictures = work()

    def replay() -> Tensor:
        graph.replay()
        return pictures

    return replay
