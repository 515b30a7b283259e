// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC5805} from "@openzeppelin/contracts/interfaces/IERC5805.sol";

/// @notice Part of a bond on its way out.
/// @param amount How much, in base units of FOG.
/// @param release Block time from which it can be withdrawn.
struct Unbonding {
    uint96 amount;
    uint40 release;
}

/// @title IFogStake
/// @notice Bonds in FOG: they answer for work, vote, and earn a part of the fees. A bond leaves through a queue, so
/// that it still answers for work done shortly before; what is on its way out neither votes nor earns.
/// @dev Amounts are base units of FOG, times Unix seconds of block time. Votes are those of IERC5805 with a timestamp
/// clock: a bond votes once its owner delegates it, to himself or another. The total is remembered by periods of
/// TOTAL_PERIOD: at a time it is what it was when the period before ended.
interface IFogStake is IERC5805 {
    /// @notice Adds `amount` of the caller's FOG to the caller's bond. Needs an allowance.
    function bond(uint96 amount) external;

    /// @notice As `bond`, with an ERC-2612 permit of exactly `amount` for this contract in place of an allowance.
    function bondWithPermit(uint96 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Takes `amount` out of the caller's bond; it can be withdrawn after the unbonding period.
    /// @dev At most 32 entries wait per account; entries of one block share one.
    function unbond(uint96 amount) external;

    /// @notice Puts the caller's unbonding entry `index` back into the bond, whether it is due or not.
    /// @dev Later entries move up by one: their order stays that of their release.
    function cancelUnbond(uint256 index) external;

    /// @notice Pays the caller all unbonding entries that are due. Reverts when none is.
    /// @return amount What was paid.
    function withdraw() external returns (uint96 amount);

    /// @notice Pays the caller the rewards of his bond, in whole 10^9 base units.
    /// @return amount What was paid.
    function claimRewards() external returns (uint96 amount);

    /// @notice Streams `amount`, which the caller gives, to all bonds over REWARD_PERIOD, once what streams now is
    /// through. Needs an allowance. Only the market may, with fees, and the treasury, with at most BUDGET_PER_YEAR.
    function fund(uint96 amount) external;

    /// @notice Takes up to `amount` from the bond of `owner`, then from what is unbonding, and pays `to` with it. Only
    /// the market may: this is the breach that the owner agreed on.
    /// @return paid What was taken.
    function compensate(address owner, uint96 amount, address to) external returns (uint96 paid);

    /// @notice Takes up to `amount` from the bond of `owner`, then from what is unbonding: the victim first, up to
    /// `toVictim`; of the rest FINDER_SHARE to the finder, if there is one; what remains is burnt. Only the market may,
    /// for the court of a job.
    /// @return taken What was taken.
    function slash(address owner, uint96 amount, address victim, uint96 toVictim, address finder)
        external
        returns (uint96 taken);

    /// @notice The token of the bonds.
    function token() external view returns (address);

    /// @notice Who brings breaches and slashes.
    function market() external view returns (address);

    /// @notice Seconds between `unbond` and the earliest `withdraw`.
    function unbondingPeriod() external view returns (uint40);

    /// @notice The bond of `owner`, without what is unbonding.
    function bonded(address owner) external view returns (uint96);

    /// @notice What is unbonding for `owner`, by release, soonest first. Indexes are those of `cancelUnbond`.
    function unbonding(address owner) external view returns (Unbonding[] memory);

    /// @notice All that answers for the owner's work: the bond and what is unbonding.
    function slashable(address owner) external view returns (uint96);

    /// @notice The sum of all bonds, without what is unbonding.
    function totalBonded() external view returns (uint96);

    /// @notice What `claimRewards` would pay `owner` now.
    function rewardsOf(address owner) external view returns (uint96);

    /// @notice What streams to all bonds, per second, and until when.
    function stream() external view returns (uint96 rate, uint40 end);
}
