"""Images with masks of nuclei, in the layouts they are published in."""
