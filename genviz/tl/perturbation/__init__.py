"""Edited genes: what a model makes of them, beside what it makes of edits that mean nothing."""
