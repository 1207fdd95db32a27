"""Where would it go in these pictures? A student's answer for each.

ray job submit --working-dir . -- python -m jobs.recommend_places s3://bucket/photos s3://bucket/places
"""

from __future__ import annotations

from ._entry import enter

if __name__ == "__main__":
    enter("recommend")
