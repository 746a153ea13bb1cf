"""A training that is watched."""
