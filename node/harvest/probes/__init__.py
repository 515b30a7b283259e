"""What is asked of the machine, and how it is asked without ever waiting for it."""
