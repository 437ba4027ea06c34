"""Label-noise report: a page and tables of songs whose labels may be wrong."""
