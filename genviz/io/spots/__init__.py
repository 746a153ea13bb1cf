"""Spatial transcriptomics: counts with places, in the formats they come in."""
