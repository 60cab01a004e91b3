"""What the web app asks of a project that no verb does: its home, its tables' and runs' pages, words, a search."""
