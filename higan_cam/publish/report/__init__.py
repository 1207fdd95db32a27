"""The report page, the gallery and their templates."""
