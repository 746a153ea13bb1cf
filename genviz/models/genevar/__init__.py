"""GeneVAR: from a gene expression profile to a histology tile, coarse to fine."""
