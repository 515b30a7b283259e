"""Placing tasks on machines. Pure: no network, no clock."""
