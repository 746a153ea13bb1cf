"""What the live views do, without any front end: notebook widgets and napari share it."""
