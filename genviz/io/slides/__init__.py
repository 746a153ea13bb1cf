"""Slides: one face for pyramids, whole-slide formats, Zarr and plain images."""
