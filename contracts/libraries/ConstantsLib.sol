// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev All the FOG there will ever be: 1,000,000,000 with 18 decimals. It fits uint96, so amounts do.
uint256 constant SUPPLY = 1_000_000_000e18;

/// @dev How far in the future a session may expire. Every lock ends; this is the longest.
uint256 constant MAX_SESSION_LENGTH = 365 days;

/// @dev How many unbonding entries an account may have, so that `withdraw` always fits in a block.
uint256 constant MAX_UNBONDINGS = 32;

/// @dev The shortest and the longest unbonding period a deployment may choose. The shortest is longer than the longest
/// challenge window and time for a verdict together, so that what was delivered is always answered for.
uint256 constant MIN_UNBONDING_PERIOD = 7 days;
uint256 constant MAX_UNBONDING_PERIOD = 28 days;

/// @dev The total of all bonds is remembered by periods of this length, in seconds.
uint256 constant TOTAL_PERIOD = 600;

/// @dev Over how many seconds rewards are streamed.
uint256 constant REWARD_PERIOD = 7 days;

/// @dev Rewards are booked in units of this many base units.
uint96 constant REWARD_UNIT = 1e9;

/// @dev The most that the treasury may stream to bonds in a year: 2 % of the supply.
uint256 constant BUDGET_PER_YEAR = SUPPLY / 50;

/// @dev The finder's part of what a slash leaves after the victim, in basis points.
uint256 constant FINDER_SHARE = 2500;

// ---- market

/// @dev The highest fee, in basis points.
uint256 constant MAX_FEE = 300;

/// @dev Between these is the challenge window, in seconds.
uint256 constant MIN_CHALLENGE_WINDOW = 10 minutes;
uint256 constant MAX_CHALLENGE_WINDOW = 3 days;

/// @dev How long a challenged job waits for its court. Then anyone can end it, and the provider is paid.
uint256 constant MAX_VERDICT_TIME = 3 days;

/// @dev The most a slash may take, and the most the market may ask to be bonded: times the price.
uint256 constant MAX_SLASH_MULTIPLE = 100;

/// @dev The most replicas a job may have.
uint256 constant MAX_REPLICAS = 16;

/// @dev The longest stop of new jobs, and the least time between two.
uint256 constant MAX_STOP = 14 days;

/// @dev How long the guardian has any power, from deployment.
uint256 constant GUARDIAN_TERM = 365 days;

/// @dev The part of collected fees that pays auditors, in basis points; the rest is streamed to bonds.
uint256 constant AUDIT_SHARE = 5000;

/// @dev Volume is booked in units of this many base units.
uint96 constant VOLUME_UNIT = 1e9;

/// @dev The EIP-712 types of what buyers, providers and replicas sign. `Terms` ends with its member's type.
bytes32 constant TERMS_TYPEHASH = keccak256(
    "Terms(address buyer,address provider,uint96 price,uint96 rate,uint96 breach,"
    "uint40 inputBy,uint40 due,uint40 lateBy,Work work)"
    "Work(bytes32 spec,uint8 quorum,address[] replicas,uint256 salt)"
);
bytes32 constant WORK_TYPEHASH = keccak256("Work(bytes32 spec,uint8 quorum,address[] replicas,uint256 salt)");
bytes32 constant ACCEPTANCE_TYPEHASH = keccak256("Acceptance(bytes32 job,uint96 amount)");
bytes32 constant REPLICA_TYPEHASH = keccak256("Replica(bytes32 job,bytes32 result,uint64 fuel)");

/// @dev The EIP-712 type hash of the cumulative voucher that a buyer signs.
bytes32 constant VOUCHER_TYPEHASH = keccak256("Voucher(bytes32 session,uint96 amount)");

// ---- court

/// @dev Between these are the times to commit and to reveal, in seconds.
uint256 constant MIN_PHASE = 2 minutes;
uint256 constant MAX_PHASE = 6 hours;

/// @dev The most seats of one auditor.
uint256 constant MAX_SEATS = 64;

/// @dev Committees have 3, 5 and 7 members.
uint256 constant ROUNDS = 3;

// ---- registry

/// @dev The longest endpoints text of a node record, in bytes.
uint256 constant MAX_ENDPOINTS = 1024;

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

/// @dev How long a proposal that succeeded waits to be queued, and one that was queued to be executed.
uint256 constant GRACE_PERIOD = 14 days;

/// @dev The longest voting delay, voting period and delay of the timelock that a deployment may choose.
uint256 constant MAX_GOVERNANCE_TIME = 30 days;

/// @dev Governance sets a parameter of its own at least to this part and at most to this multiple of what was deployed.
uint256 constant LEEWAY = 4;
