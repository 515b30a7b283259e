// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

contract WithdrawStakeTest is BaseTest {
    function setUp() public override {
        super.setUp();
        vm.startPrank(buyer);
        stake.bond(100e18);
        stake.unbond(10);
        vm.warp(1_800_000_000 + 1 days);
        stake.unbond(20);
        vm.stopPrank();
    }

    function test_OnlyWhatIsDueIsPaid() public {
        vm.warp(1_800_000_000 + UNBONDING);
        vm.expectEmit(address(stake));
        emit EventsLib.StakeWithdrawn(buyer, 10);
        vm.prank(buyer);
        vm.assertEq(stake.withdraw(), 10);
        vm.assertEq(token.balanceOf(buyer), 800e18 + 10);
        vm.assertEq(stake.unbonding(buyer).length, 1);
        vm.assertEq(stake.unbonding(buyer)[0].amount, 20);
    }

    function test_AllThatIsDueIsPaidAtOnceAndOnce() public {
        vm.warp(1_800_000_000 + 1 days + UNBONDING);
        vm.startPrank(buyer);
        vm.assertEq(stake.withdraw(), 30);
        vm.expectRevert(ErrorsLib.NothingMatured.selector);
        stake.withdraw();
        vm.stopPrank();
        vm.assertEq(token.balanceOf(address(stake)), stake.totalBonded());
    }

    function test_EarlyIsRefused() public {
        vm.warp(1_800_000_000 + UNBONDING - 1);
        vm.expectRevert(ErrorsLib.NothingMatured.selector);
        vm.prank(buyer);
        stake.withdraw();
    }

    function test_FullQueueFitsOneTransaction() public {
        vm.startPrank(buyer);
        for (uint256 i; i < 30; ++i) {
            vm.warp(1_800_000_000 + 2 days + i);
            stake.unbond(1);
        }
        vm.warp(1_800_000_000 + 30 days);
        uint256 before = gasleft();
        vm.assertEq(stake.withdraw(), 60);
        vm.assertLe(before - gasleft(), 1_000_000, "gas of a full queue");
        vm.stopPrank();
    }
}
