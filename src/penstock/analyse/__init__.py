"""What tables say: metrics, profiles."""
