"""The dashboard: a page over the same functions as the command line, and its server."""
