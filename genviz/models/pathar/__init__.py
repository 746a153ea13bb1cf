"""PathAR: from a label to an image and its nuclear mask, structure first, appearance after."""
