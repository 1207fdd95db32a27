"""Draw the report and the dataset card again.

ray job submit --working-dir . -- python -m jobs.write_report --config FILE --set output=s3://bucket/run
"""

from __future__ import annotations

from ._entry import enter

if __name__ == "__main__":
    enter("report")
