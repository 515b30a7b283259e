// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {StakeTest} from "./StakeTest.sol";

contract FundTest is StakeTest {
    /// @dev 2 % of a thousand million.
    uint96 private constant BUDGET = 20_000_000e18;

    function test_FeesOfTheMarketStreamOverAWeek() public {
        give(address(market), 700e18);
        vm.expectEmit(address(stake));
        emit EventsLib.RewardsFunded(address(market), 700e18);
        vm.prank(address(market));
        stake.fund(700e18);
        vm.assertEq(token.balanceOf(address(stake)), 50_700e18);
        (uint96 rate, uint40 end) = stake.stream();
        vm.assertEq(rate, uint256(700e18) / WEEK);
        vm.assertEq(end, START + WEEK);
        for (uint256 day = 1; day <= 7; ++day) {
            vm.warp(START + day * 1 days);
            assertDue(stake.rewardsOf(provider), day * 100e18, 1e9 + WEEK + 1);
        }
        vm.warp(START + 30 days);
        assertDue(stake.rewardsOf(provider), 700e18, 1e9 + WEEK + 1);
        (rate, end) = stake.stream();
        vm.assertEq(rate, 0);
    }

    /// @dev So that nobody can dilute a stream by stretching it.
    function test_WhatComesMeanwhileWaitsForTheNextWeek() public {
        fund(700e18);
        vm.warp(START + 3 days);
        fund(1400e18);
        (uint96 rate, uint40 end) = stake.stream();
        vm.assertEq(rate, uint256(700e18) / WEEK);
        vm.assertEq(end, START + WEEK);
        vm.warp(START + WEEK);
        (rate, end) = stake.stream();
        vm.assertEq(rate, (1400e18 + uint256(700e18) % WEEK) / WEEK); // with what the first week could not divide
        vm.assertEq(end, START + 2 * WEEK);
        bond(buyer, 1); // the next week begins with what happens first
        vm.warp(START + 2 * WEEK);
        assertDue(stake.rewardsOf(provider), 2100e18, 3e9 + 2 * WEEK);
    }

    /// @dev Less than a base unit a second waits until there is more.
    function test_DustWaits() public {
        fund(uint96(WEEK - 1));
        (uint96 rate,) = stake.stream();
        vm.assertEq(rate, 0);
        fund(1);
        (rate,) = stake.stream();
        vm.assertEq(rate, 1);
    }

    function test_TreasuryHasABudgetOfTheYear() public {
        fund(timelock, 1);
        fund(timelock, BUDGET - 1);
        vm.assertEq(token.balanceOf(address(stake)), 50_000e18 + BUDGET);
        give(timelock, BUDGET);
        vm.warp(START + 365 days - 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.AboveBudget.selector, 0, 1));
        vm.prank(timelock);
        stake.fund(1);

        vm.warp(START + 365 days);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.AboveBudget.selector, BUDGET, BUDGET + 1));
        vm.prank(timelock);
        stake.fund(BUDGET + 1);
        vm.prank(timelock);
        stake.fund(BUDGET);
    }

    function test_FeesCountToNoBudget() public {
        fund(BUDGET);
        fund(1);
        fund(timelock, BUDGET);
    }

    function testFuzz_OthersAreRefused(address by) public {
        vm.assume(by != timelock && by != address(market));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotTreasury.selector, by));
        vm.prank(by);
        stake.fund(1);
    }

    function test_NothingIsRefused() public {
        vm.expectRevert(ErrorsLib.ZeroAmount.selector);
        vm.prank(timelock);
        stake.fund(0);
    }
}
