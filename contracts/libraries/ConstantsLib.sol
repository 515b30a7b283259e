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

// ---- registry

/// @dev How far in the future an operator's agreement to run a node may expire.
uint256 constant MAX_AGREEMENT_LENGTH = 365 days;

/// @dev The bond that covers one Gfuel per epoch of capacity, in base units of FOG, and its limits.
uint96 constant DEFAULT_BOND_PER_GFUEL = 0.1e18;
uint96 constant MIN_BOND_PER_GFUEL = 0.001e18;
uint96 constant MAX_BOND_PER_GFUEL = 100e18;

/// @dev The most members of the mix directory's committee.
uint256 constant MAX_COMMITTEE = 25;

/// @dev The EIP-712 type hash of an operator's agreement to run a node.
bytes32 constant OPERATES_TYPEHASH = keccak256("Operates(address node,address operator,bytes32 nodeKey,uint40 expiry)");
