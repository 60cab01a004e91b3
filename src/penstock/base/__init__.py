"""Ground that every room stands on: errors, time, graphs, text, secrets; no word of the domain."""
