// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title IVolumeReport
/// @notice What the market tells the price controller when fees are collected.
interface IVolumeReport {
    /// @notice `volume` base units of FOG were paid to `provider` since the last report.
    function report(address provider, uint256 volume) external;
}
