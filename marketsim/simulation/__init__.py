"""One study: run it, summarize it, store it, find it again."""
