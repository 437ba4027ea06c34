"""A music library: fields of its files, changes that can be undone, and playlists."""
