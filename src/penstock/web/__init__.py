"""The web app's server: one process that holds a project's warehouse, and answers browsers and programs."""
