"""Stage one: sample, generate, score.

ray job submit --working-dir . -- python -m jobs.label_latents --config FILE --set output=s3://bucket/run
"""

from __future__ import annotations

from ._entry import enter

if __name__ == "__main__":
    enter("label")
