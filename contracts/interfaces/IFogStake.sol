// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Part of a bond on its way out.
/// @param amount How much, in base units of FOG.
/// @param release Block time from which it can be withdrawn.
struct Unbonding {
    uint96 amount;
    uint40 release;
}

/// @title IFogStake
/// @notice Bonds in FOG. A bond leaves through a queue, so that it still answers for work done shortly before.
/// Amounts are base units of FOG, times Unix seconds of block time.
interface IFogStake {
    /// @notice Adds `amount` of the caller's FOG to the caller's bond. Needs an allowance.
    function bond(uint96 amount) external;

    /// @notice Takes `amount` out of the caller's bond; it can be withdrawn after the unbonding period.
    /// @dev At most 32 entries wait per account; entries of one block share one.
    function unbond(uint96 amount) external;

    /// @notice Puts the caller's unbonding entry `index` back into the bond, whether it is due or not.
    /// @dev Later entries move up by one: their order stays that of their release.
    function cancelUnbond(uint256 index) external;

    /// @notice Pays the caller all unbonding entries that are due. Reverts when none is.
    /// @return amount What was paid.
    function withdraw() external returns (uint96 amount);

    /// @notice The token of the bonds.
    function token() external view returns (address);

    /// @notice Seconds between `unbond` and the earliest `withdraw`.
    function unbondingPeriod() external view returns (uint40);

    /// @notice The bond of `owner`, without what is unbonding.
    function bonded(address owner) external view returns (uint96);

    /// @notice What is unbonding for `owner`, by release, soonest first. Indexes are those of `cancelUnbond`.
    function unbonding(address owner) external view returns (Unbonding[] memory);

    /// @notice The sum of all bonds, without what is unbonding.
    function totalBonded() external view returns (uint96);
}
