"""Tests in brownie/ run in Brownie's environment: test_brownie.py starts them there."""

collect_ignore = ["brownie"]
