"""fogchain: what every program of the compute market shares."""

__version__ = "0.1.0"
