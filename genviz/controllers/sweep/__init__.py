"""A dose sweep that is watched."""
