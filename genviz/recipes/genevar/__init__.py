"""Experiments with GeneVAR: jobs of the command line, evaluation, ablations, benchmark."""
