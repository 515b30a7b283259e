"""Buyer and provider over the network: drives fogchain.market and fogchain.jobs."""
