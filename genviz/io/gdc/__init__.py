"""Bulk profiles and slides of the Genomic Data Commons."""
