// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IVolumeReport} from "../../../../contracts/interfaces/IVolumeReport.sol";

/// @notice A price controller that only adds up, or always fails.
contract VolumeRecorder is IVolumeReport {
    bool private immutable _fails;

    mapping(address provider => uint256) public volumeOf;

    constructor(bool fails) {
        _fails = fails;
    }

    function report(address provider, uint256 volume) external {
        require(!_fails, "no report today");
        volumeOf[provider] += volume;
    }
}
