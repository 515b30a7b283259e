// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title IFogVesting
/// @notice Holds tokens and releases them to its owner over time: nothing before the cliff, then what has vested,
/// evenly from start to end. Nobody can take anything back. What arrives later counts as if it had been there from the
/// start.
/// @dev This is OpenZeppelin's VestingWallet: `start`, `cliff`, `end`, `vestedAmount`, `released` and `owner` are its.
/// The owner may hand the wallet on, so what has not vested can change hands outside of the token.
interface IFogVesting {
    /// @notice Sends the owner what can be released of `token` now. Anyone may call it.
    function release(address token) external;

    /// @notice Refused: what vests later would belong to nobody.
    function renounceOwnership() external;

    /// @notice What `release` would send.
    function releasable(address token) external view returns (uint256);
}
