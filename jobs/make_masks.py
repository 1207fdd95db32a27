"""Stage three: edit, attribute, cluster, publish.

ray job submit --working-dir . -- python -m jobs.make_masks --config FILE --set output=s3://bucket/run
"""

from __future__ import annotations

from ._entry import enter

if __name__ == "__main__":
    enter("mask")
