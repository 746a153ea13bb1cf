"""The transformer over both token streams, and how it is sampled."""
