"""The market's rules, pure: messages, verification, reputation, pricing."""
