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

// ---- pricing

/// @dev The length of an epoch, which is a round of the auction too, in seconds.
uint256 constant EPOCH = 600;

/// @dev The greatest step of a base price, its limits for governance, and where it starts; in basis points.
uint16 constant MAX_STEP_CAP = 1250;
uint16 constant MIN_STEP_CAP = 50;
uint16 constant DEFAULT_STEP_CAP = 1250;

/// @dev The use at which a base price stays, its limits for governance, and where it starts; in basis points.
uint16 constant MAX_TARGET_USE = 9000;
uint16 constant MIN_TARGET_USE = 5000;
uint16 constant DEFAULT_TARGET_USE = 7000;

/// @dev The lowest floor of a base price, in base units of FOG: below it a step would round to nothing.
uint96 constant MIN_PRICE = 1e6;

/// @dev The most resource classes at a time.
uint256 constant MAX_CLASSES = 64;

/// @dev The EIP-712 type hash of a bid (side 0) or an ask (side 1) for one lot.
bytes32 constant BID_TYPEHASH =
    keccak256("Bid(address trader,bytes32 class,uint8 side,uint96 price,uint32 number,uint40 round)");

// ---- governor

/// @dev How long the guardian has any power, from deployment.
uint256 constant GUARDIAN_TERM = 365 days;

/// @dev How long a proposal that succeeded waits to be queued, and one that was queued to be executed.
uint256 constant GRACE_PERIOD = 14 days;

/// @dev The longest voting delay, voting period and delay of the timelock that a deployment may choose.
uint256 constant MAX_GOVERNANCE_TIME = 30 days;

/// @dev Governance sets a parameter of its own at least to this part and at most to this multiple of what was deployed.
uint256 constant LEEWAY = 4;
