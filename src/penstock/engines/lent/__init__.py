"""A warehouse that one process holds and lends to the others of its user, call by call, over a private socket."""
