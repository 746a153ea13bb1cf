"""Trajectories of a flow."""
