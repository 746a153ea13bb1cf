"""A section with its genes, image and regions."""
