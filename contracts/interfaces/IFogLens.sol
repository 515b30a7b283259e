// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Case} from "./IFogCourt.sol";
import {Job, Parameters, Session} from "./IFogMarket.sol";
import {ResourceClass} from "./IFogPricing.sol";
import {Record} from "./IFogRegistry.sol";
import {Unbonding} from "./IFogStake.sol";

/// @notice All that the contracts know of an account, in base units of FOG.
/// @param wallet In the token.
/// @param free In the market.
/// @param fees Kept back in the market from what it earned, until they are collected.
/// @param bonded In the bond.
/// @param rewards What the bond earned and was not claimed.
/// @param unbonding What is on its way out.
/// @param votes What it can vote with now: delegated to it.
/// @param delegatee To whom its bond's votes are delegated; zero for nobody.
/// @param seats As an auditor.
/// @param auditPay What it earned as one and did not collect.
struct AccountView {
    address owner;
    uint256 wallet;
    uint96 free;
    uint96 fees;
    uint96 bonded;
    uint96 rewards;
    Unbonding[] unbonding;
    uint256 votes;
    address delegatee;
    uint16 seats;
    uint96 auditPay;
}

/// @notice A node's record and what stands behind it.
/// @param counted Its capacity as far as its bond covers it, in Gfuel per epoch.
/// @param cleared Audits in a row that found nothing against it.
/// @param auditRate With which probability its next delivery is audited, in basis points.
struct NodeView {
    address owner;
    Record record;
    uint64 counted;
    uint96 bonded;
    uint32 cleared;
    uint256 auditRate;
}

/// @notice A resource class and its capacity in Gfuel per epoch.
struct ClassView {
    bytes32 name;
    ResourceClass class;
    uint256 capacity;
}

/// @notice A job and the case about it, if there is one.
struct JobView {
    bytes32 id;
    Job job;
    Case court;
}

/// @notice The network at one glance.
struct NetworkView {
    uint256 supply;
    uint256 escrow;
    uint96 bonded;
    uint96 rewardRate;
    uint40 rewardEnd;
    uint256 nodes;
    uint256 seats;
    uint256 auditPool;
    Parameters parameters;
    uint16 version;
    uint40 stoppedUntil;
}

/// @title IFogLens
/// @notice Reads much in one call, for clients and panels. It holds nothing and nothing depends on it.
interface IFogLens {
    /// @notice Each of these accounts.
    function accounts(address[] calldata owners) external view returns (AccountView[] memory);

    /// @notice The nodes `start` to `start + count` of the registry, fewer at its end.
    function nodes(uint256 start, uint256 count) external view returns (NodeView[] memory);

    /// @notice Each of these jobs.
    function jobs(bytes32[] calldata ids) external view returns (JobView[] memory);

    /// @notice Each of these sessions.
    function sessions(bytes32[] calldata ids) external view returns (Session[] memory);

    /// @notice All resource classes.
    function classes() external view returns (ClassView[] memory);

    /// @notice The network as it is now.
    function network() external view returns (NetworkView memory);
}
