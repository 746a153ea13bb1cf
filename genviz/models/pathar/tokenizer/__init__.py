"""Structure and appearance codes: mask and image to two token grids, and back."""
