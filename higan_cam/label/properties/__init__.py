"""Properties of a face from its label map: by the published formulas, and by ours; on one scale for all pictures."""
