"""Procedural tissue with known ground truth, always there."""
