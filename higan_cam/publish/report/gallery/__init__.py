"""The gallery beside the report: every sample, with filters, sorting and a slider between the ends."""
