"""A run on Ray: what is asked before it, the plan, the stages, the workers and how faults are handled."""
