"""The label-noise report: a page and two tables that list the songs to listen to again."""
