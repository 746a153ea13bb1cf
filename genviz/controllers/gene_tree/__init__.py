"""The gene tree: maps of groups, edits, clamps."""
