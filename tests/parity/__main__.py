"""Print how far each layout's network is from its reference: python -m tests.parity [FOLDER]"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.parity.figures import FIGURES

SHARED = Path(__file__).resolve().parents[3] / "shared" / "parity"


def main(parity: Path) -> None:
    """A Markdown table, a row a layout."""
    if not parity.is_dir():
        sys.exit(f"{parity}: no such folder of reference data; name it: python -m tests.parity FOLDER")
    print("| layout | tensors | reference | compared | largest difference | of at most | tolerance |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for layout, measure in FIGURES.items():
        f = measure(parity)
        numbers = f"{f.largest:.1e} | {f.scale:.3g} | {f.tolerance:.1e}"
        print(f"| {layout} | {f.keys} | {f.reference} | {f.picture} | {numbers} |", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED)
