"""Experiments with PathAR: jobs of the command line, evaluation, pairs that train other nets, benchmark."""
