"""Predicted against measured expression."""
