"""What an engine, a source, a sink and a journal must do: the doors between the rooms."""
