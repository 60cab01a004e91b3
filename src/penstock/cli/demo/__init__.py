"""The demo: a small shop that is generated from a seed, run, and proved against numbers computed apart."""
