"""Pages that a browser opens from disk: to listen to songs where their curves are drawn."""
