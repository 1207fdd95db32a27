"""The only place, with train/, that imports ray: plan, workers, the two stages, fault handling."""
