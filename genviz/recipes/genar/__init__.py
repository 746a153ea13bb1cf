"""Experiments with GenAR: jobs of the command line, cross-validation, benchmark."""
