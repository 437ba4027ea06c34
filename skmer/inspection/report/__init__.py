"""A page and tables that show which songs should be listened to again, because their labels may be wrong."""
