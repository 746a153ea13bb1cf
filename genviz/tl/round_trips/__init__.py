"""From RNA to tiles and back."""
