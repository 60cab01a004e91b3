"""From definitions to what they mean: what SQL reads, fingerprints, lineage, selection; pure functions."""
