"""PNG sheets: inspection, strips of edits, rescoring."""
