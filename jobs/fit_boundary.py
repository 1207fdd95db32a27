"""Stage two: fit the boundary.

ray job submit --working-dir . -- python -m jobs.fit_boundary --config FILE --set output=s3://bucket/run
"""

from __future__ import annotations

from ._entry import enter

if __name__ == "__main__":
    enter("fit")
