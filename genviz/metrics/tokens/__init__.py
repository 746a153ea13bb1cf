"""What token streams hold."""
