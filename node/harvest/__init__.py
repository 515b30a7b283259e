"""When this machine may work: only while its owner would not notice."""
