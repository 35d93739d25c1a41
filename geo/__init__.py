"""Places: communes and their vintages, lineage, boundaries, point to commune. Imports nothing of `collect`."""
