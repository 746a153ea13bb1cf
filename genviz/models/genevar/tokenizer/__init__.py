"""Multi-scale vector quantisation: a tile as tokens of 1 x 1 to G x G cells, and back."""
