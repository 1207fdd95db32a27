"""Thin entry points for `ray job submit`: one per stage, one for the whole flow, one per trainer."""
