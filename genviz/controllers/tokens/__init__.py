"""Edits of tiles in tokens."""
