"""Whether generated tiles follow their conditions, and what they could know of them."""
