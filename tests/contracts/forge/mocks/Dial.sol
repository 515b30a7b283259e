// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";

/// @notice Something with one parameter, which the timelock alone sets, up to 100.
contract Dial {
    address private immutable timelock;
    uint256 public position;

    constructor(address timelock_) {
        timelock = timelock_;
    }

    function turn(uint256 to) external {
        if (msg.sender != timelock) revert ErrorsLib.NotTimelock(msg.sender);
        if (to > 100) revert ErrorsLib.OutOfBounds("position", to);
        position = to;
    }
}
