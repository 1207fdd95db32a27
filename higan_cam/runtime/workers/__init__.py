"""What runs inside Ray's processes: load once, then one unit at a time, committed by the worker itself."""
