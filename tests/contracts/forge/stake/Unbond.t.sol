// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Unbonding} from "../../../../contracts/interfaces/IFogStake.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

contract UnbondTest is BaseTest {
    function setUp() public override {
        super.setUp();
        vm.prank(buyer);
        stake.bond(100e18);
    }

    function testFuzz_MovesToTheQueue(uint96 amount) public {
        amount = uint96(amount % 100e18) + 1;
        uint40 release = uint40(block.timestamp) + UNBONDING;
        vm.expectEmit(address(stake));
        emit EventsLib.UnbondStarted(buyer, amount, release);
        vm.prank(buyer);
        stake.unbond(amount);
        vm.assertEq(stake.bonded(buyer), 100e18 - amount);
        vm.assertEq(stake.totalBonded(), 50_100e18 - amount);
        Unbonding[] memory queue = stake.unbonding(buyer);
        vm.assertEq(queue.length, 1);
        vm.assertEq(queue[0].amount, amount);
        vm.assertEq(queue[0].release, release);
        vm.assertEq(token.balanceOf(address(stake)), 50_100e18);
        vm.assertEq(stake.slashable(buyer), 100e18);
    }

    function test_EntriesOfOneBlockShareOne() public {
        vm.startPrank(buyer);
        stake.unbond(1);
        stake.unbond(2);
        vm.stopPrank();
        vm.assertEq(stake.unbonding(buyer).length, 1);
        vm.assertEq(stake.unbonding(buyer)[0].amount, 3);
    }

    function test_MoreThanBondedIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InsufficientBalance.selector, 100e18, 100e18 + 1));
        vm.prank(buyer);
        stake.unbond(100e18 + 1);
    }

    function test_NothingIsRefused() public {
        vm.expectRevert(ErrorsLib.ZeroAmount.selector);
        vm.prank(buyer);
        stake.unbond(0);
    }

    function test_QueueIsBounded() public {
        vm.startPrank(buyer);
        for (uint256 i; i < 32; ++i) {
            vm.warp(1_800_000_000 + i);
            stake.unbond(1);
        }
        vm.warp(1_800_000_032);
        vm.expectRevert(ErrorsLib.TooManyUnbondings.selector);
        stake.unbond(1);
        vm.stopPrank();
    }
}
