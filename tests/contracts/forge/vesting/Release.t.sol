// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {bound, vm} from "../Vm.sol";
import {VestingTest} from "./VestingTest.sol";

contract ReleaseTest is VestingTest {
    function releaseAt(uint256 time) private returns (uint256) {
        uint256 before = token.balanceOf(provider);
        vm.warp(time);
        vm.prank(other);
        vesting.release(address(token));
        return token.balanceOf(provider) - before;
    }

    function test_NothingBeforeTheCliff() public {
        vm.assertEq(releaseAt(start - 1), 0);
        vm.assertEq(releaseAt(start + 100 days - 1), 0);
    }

    function test_AtTheCliffAllThatVestedMeanwhile() public {
        vm.assertEq(releaseAt(start + 100 days), 100e18);
    }

    function test_AfterwardsEvenly() public {
        vm.assertEq(releaseAt(start + 150 days), 150e18);
        vm.assertEq(releaseAt(start + 150 days), 0);
        vm.assertEq(releaseAt(start + 151 days), 1e18);
        vm.assertEq(releaseAt(start + 400 days), 249e18);
        vm.assertEq(releaseAt(start + 500 days), 0);
        vm.assertEq(token.balanceOf(address(vesting)), 0);
    }

    function test_ReleasesInAnyStepsAddUp(uint256 first, uint256 second) public {
        first = bound(first, 0, 500 days);
        second = bound(second, first, 600 days);
        releaseAt(start + first);
        releaseAt(start + second);
        vm.assertEq(
            token.balanceOf(provider), second < 100 days ? 0 : second < 400 days ? 400e18 * second / 400 days : 400e18
        );
    }

    function test_WhatArrivesLateVestsAsIfThereFromTheStart() public {
        releaseAt(start + 200 days);
        vm.prank(treasury);
        token.transfer(address(vesting), 40e18);
        vm.assertEq(releaseAt(start + 200 days), 20e18);
    }

    function test_ReleasableIsWhatReleaseSends(uint256 time) public {
        vm.warp(bound(time, start - 10 days, start + 500 days));
        uint256 expected = vesting.releasable(address(token));
        vm.assertEq(releaseAt(block.timestamp), expected);
        vm.assertEq(vesting.releasable(address(token)), 0);
    }

    function test_ItGoesToWhomTheWalletWasHandedOn() public {
        vm.prank(provider);
        vesting.transferOwnership(buyer);
        releaseAt(start + 200 days);
        vm.assertEq(token.balanceOf(buyer), 900e18 + 200e18);
    }
}
