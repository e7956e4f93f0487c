"""Reading of picture files: what a file is, its pixels without its metadata, and its greys as 8 bits."""
