"""Of a run on pictures: find the generator's code of each, and say how good it is.

ray job submit --working-dir . -- python -m jobs.invert_pictures --set source.kind=pictures \
    --set source.pictures=s3://bucket/photos --output s3://bucket/run
"""

from __future__ import annotations

from ._entry import enter

if __name__ == "__main__":
    enter("invert")
