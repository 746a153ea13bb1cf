"""The next-scale transformer: tokens of a scale given the scales before it and a transcriptome; and its sampler."""
