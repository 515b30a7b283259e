// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {bound, vm} from "../Vm.sol";
import {StakeTest} from "./StakeTest.sol";

contract ClaimRewardsTest is StakeTest {
    /// @dev A base unit a second lost to the rate, a reward unit to the account, one of the index.
    uint256 private constant DUST = WEEK + 2e9;

    function test_RewardsArePaidOnce() public {
        fund(700e18);
        vm.warp(START + 1 days);
        uint96 due = stake.rewardsOf(provider);
        assertDue(due, 100e18, DUST);
        vm.assertEq(due % 1e9, 0);
        vm.expectEmit(address(stake));
        emit EventsLib.RewardsClaimed(provider, due);
        vm.prank(provider);
        vm.assertEq(stake.claimRewards(), due);
        vm.assertEq(token.balanceOf(provider), due);
        vm.assertEq(stake.rewardsOf(provider), 0);
        vm.expectRevert(ErrorsLib.ZeroAmount.selector);
        vm.prank(provider);
        stake.claimRewards();
        // Claiming does not disturb the stream.
        vm.warp(START + WEEK);
        assertDue(stake.rewardsOf(provider), 600e18, DUST);
    }

    function test_NothingIsRefused() public {
        fund(700e18);
        vm.warp(START + 1 days);
        vm.expectRevert(ErrorsLib.ZeroAmount.selector);
        vm.prank(other);
        stake.claimRewards();
    }

    function testFuzz_BondersShareInProportion(uint96 a, uint96 b) public {
        a = uint96(bound(a, 1e18, 1_000_000e18));
        b = uint96(bound(b, 1e18, 1_000_000e18));
        bond(buyer, a);
        bond(other, b);
        fund(700e18);
        vm.warp(START + WEEK);
        uint256 total = 50_000e18 + uint256(a) + b;
        uint256 dust = DUST + total / 1e18;
        assertDue(stake.rewardsOf(provider), 700e18 * 50_000e18 / total, dust);
        assertDue(stake.rewardsOf(buyer), 700e18 * uint256(a) / total, dust);
        assertDue(stake.rewardsOf(other), 700e18 * uint256(b) / total, dust);
    }

    function test_LatecomerHasNothingOfTheTimeBefore() public {
        fund(700e18);
        vm.warp(START + 5 days);
        bond(buyer, 50_000e18);
        vm.assertEq(stake.rewardsOf(buyer), 0);
        vm.warp(START + WEEK);
        assertDue(stake.rewardsOf(buyer), 100e18, DUST);
        assertDue(stake.rewardsOf(provider), 600e18, DUST);
    }

    function test_WhatIsUnbondingEarnsNothing() public {
        bond(buyer, 50_000e18);
        fund(700e18);
        vm.warp(START + 1 days);
        unbond(buyer, 50_000e18);
        vm.warp(START + WEEK);
        assertDue(stake.rewardsOf(buyer), 50e18, DUST);
        assertDue(stake.rewardsOf(provider), 650e18, 2 * DUST);
    }

    /// @dev What nobody could earn is not lost, and not the first comer's alone: it streams in the next week.
    function test_WithNobodyBondedItWaits() public {
        unbond(provider, 50_000e18);
        fund(700e18);
        vm.warp(START + 2 days);
        bond(buyer, 1e18 - 1); // too little to count
        vm.warp(START + 3 days);
        vm.assertEq(stake.rewardsOf(buyer), 0);
        bond(other, 50_000e18);
        vm.warp(START + WEEK);
        assertDue(stake.rewardsOf(other), 400e18, 0.01e18);
        bond(other, 1);
        (uint96 rate, uint40 end) = stake.stream();
        assertDue(rate, uint256(300e18) / WEEK, 1);
        vm.assertEq(end, START + 2 * WEEK);
        vm.warp(START + 2 * WEEK);
        assertDue(stake.rewardsOf(other) + stake.rewardsOf(buyer), 700e18, 4 * DUST);
    }

    /// @dev I19: to move a bond to and fro gains nothing.
    function testFuzz_DustIsTheMovers(uint8 times, uint96 amount) public {
        bond(buyer, 50_000e18);
        fund(700e18);
        amount = uint96(bound(amount, 1, 1e18));
        uint256 count = uint256(times) % 30 + 1;
        for (uint256 i; i < count; ++i) {
            vm.warp(START + (i + 1) * 1 hours);
            unbond(buyer, amount);
            vm.prank(buyer);
            stake.cancelUnbond(0);
        }
        vm.warp(START + WEEK);
        vm.assertLe(stake.rewardsOf(buyer), stake.rewardsOf(provider), "the mover gained");
        assertDue(stake.rewardsOf(buyer), 350e18, (count + 2) * DUST);
    }
}
