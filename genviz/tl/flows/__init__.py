"""Where a flow takes noise."""
