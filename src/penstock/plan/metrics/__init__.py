"""What is asked of metrics becomes one readable select: pure functions of definitions and columns."""
