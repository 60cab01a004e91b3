"""From a project's folder to definitions: files are read, checked and tied together into one value."""
