// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev All the FOG there will ever be: 1,000,000,000 with 18 decimals. It fits uint96, so amounts do.
uint256 constant SUPPLY = 1_000_000_000e18;

/// @dev How far in the future a session may expire. Every lock ends; this is the longest.
uint256 constant MAX_SESSION_LENGTH = 365 days;

/// @dev How many unbonding entries an account may have, so that `withdraw` always fits in a block.
uint256 constant MAX_UNBONDINGS = 32;

/// @dev The longest unbonding period a deployment may choose.
uint256 constant MAX_UNBONDING_PERIOD = 28 days;

/// @dev The longest endpoints text of a node record, in bytes.
uint256 constant MAX_ENDPOINTS = 1024;

/// @dev The EIP-712 type hash of the cumulative voucher that a buyer signs.
bytes32 constant VOUCHER_TYPEHASH = keccak256("Voucher(bytes32 session,uint96 amount)");
