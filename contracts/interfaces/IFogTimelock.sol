// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title IFogTimelock
/// @notice Holds the treasury and sets the parameters of the other contracts: only what FogGovernor queued, no earlier
/// than its delay, and no later than GRACE_PERIOD after. Anyone may execute what is due.
/// @dev This is OpenZeppelin's TimelockController without the means to change it.
interface IFogTimelock {
    /// @notice Refused: the delay is for ever.
    function updateDelay(uint256 delay) external;

    /// @notice Refused: FogGovernor alone queues and cancels, for ever.
    function grantRole(bytes32 role, address account) external;

    /// @notice Refused, as `grantRole`.
    function revokeRole(bytes32 role, address account) external;

    /// @notice Refused, as `grantRole`.
    function renounceRole(bytes32 role, address account) external;

    /// @notice Unset, Waiting, Ready or Done. What nobody executed within GRACE_PERIOD is Waiting again, for ever.
    function getOperationState(bytes32 id) external view returns (TimelockController.OperationState);
}
