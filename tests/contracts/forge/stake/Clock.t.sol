// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

contract ClockTest is BaseTest {
    function testFuzz_ClockIsBlockTime(uint40 time) public {
        vm.warp(time);
        vm.assertEq(stake.clock(), time);
    }

    function test_ModeIsThatOfErc6372() public view {
        vm.assertEq(keccak256(bytes(stake.CLOCK_MODE())), keccak256("mode=timestamp"));
    }
}
