"""Kinds of nuclei in tiles, and their shares."""
