"""Random tables, queries and changes: whatever changes, an incremental table equals its full query.

`grammar` makes queries, `changes` what happens to the raw tables, `oracle` says by plain DuckDB what is right,
`drive` puts a case through the real cascade, `reach` notes what was tried, `shrink` makes a failing case small and
`prove` does ten thousand of them.
"""
