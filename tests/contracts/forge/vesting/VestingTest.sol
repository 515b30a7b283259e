// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogVesting} from "../../../../contracts/FogVesting.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

/// @notice 400 FOG for the provider over 400 days, 100 of them before the cliff.
abstract contract VestingTest is BaseTest {
    uint64 internal start;
    FogVesting internal vesting;

    function setUp() public virtual override {
        super.setUp();
        start = uint64(block.timestamp + 10 days);
        vesting = new FogVesting(provider, start, 100 days, 400 days);
        vm.prank(treasury);
        token.transfer(address(vesting), 400e18);
    }
}
