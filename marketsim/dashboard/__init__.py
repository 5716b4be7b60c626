"""A browser page on which settings are changed and their effects shown."""
