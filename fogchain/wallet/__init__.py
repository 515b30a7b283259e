"""Keys and what they sign: keystore, EIP-712 messages, permits, Sign-In with Ethereum."""
