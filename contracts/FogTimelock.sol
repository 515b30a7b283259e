// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFogTimelock} from "./interfaces/IFogTimelock.sol";
import {GRACE_PERIOD, MAX_GOVERNANCE_TIME} from "./libraries/ConstantsLib.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @title FogTimelock
/// @notice Holds the treasury, and carries out what was voted once its delay has passed.
contract FogTimelock is TimelockController, IFogTimelock {
    /* CONSTRUCTOR */

    /// @param delay Seconds from queueing to the earliest execution.
    /// @param governor Who alone queues and cancels. Anyone executes.
    constructor(uint256 delay, address governor)
        TimelockController(delay, _only(governor), _only(address(0)), address(0))
    {
        if (governor == address(0)) revert ErrorsLib.ZeroAddress();
        if (delay == 0 || delay > MAX_GOVERNANCE_TIME) revert ErrorsLib.OutOfBounds("delay", delay);
    }

    /* FOR EVER */

    // The timelock administers itself. If votes could change its roles or its delay, one vote could do away with all
    // later ones.

    /// @inheritdoc IFogTimelock
    function updateDelay(uint256) public pure override(TimelockController, IFogTimelock) {
        revert ErrorsLib.Fixed();
    }

    /// @inheritdoc IFogTimelock
    function grantRole(bytes32, address) public pure override(AccessControl, IFogTimelock) {
        revert ErrorsLib.Fixed();
    }

    /// @inheritdoc IFogTimelock
    function revokeRole(bytes32, address) public pure override(AccessControl, IFogTimelock) {
        revert ErrorsLib.Fixed();
    }

    /// @inheritdoc IFogTimelock
    function renounceRole(bytes32, address) public pure override(AccessControl, IFogTimelock) {
        revert ErrorsLib.Fixed();
    }

    /* VIEWS */

    /// @inheritdoc IFogTimelock
    function getOperationState(bytes32 id)
        public
        view
        override(TimelockController, IFogTimelock)
        returns (OperationState state)
    {
        state = super.getOperationState(id);
        if (state == OperationState.Ready && block.timestamp >= getTimestamp(id) + GRACE_PERIOD) {
            return OperationState.Waiting;
        }
    }

    /* INTERNAL */

    function _only(address account) internal pure returns (address[] memory accounts) {
        accounts = new address[](1);
        accounts[0] = account;
    }
}
