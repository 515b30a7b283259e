// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

contract CancelUnbondTest is BaseTest {
    function setUp() public override {
        super.setUp();
        vm.startPrank(buyer);
        stake.bond(100e18);
        for (uint256 i; i < 3; ++i) {
            vm.warp(1_800_000_000 + i);
            stake.unbond(uint96(10 + i));
        }
        vm.stopPrank();
    }

    function testFuzz_EntryIsBondedAgain(uint256 index) public {
        index = index % 3;
        uint96 amount = uint96(10 + index);
        vm.expectEmit(address(stake));
        emit EventsLib.UnbondCancelled(buyer, amount, uint40(1_800_000_000 + index) + UNBONDING);
        vm.prank(buyer);
        stake.cancelUnbond(index);
        vm.assertEq(stake.bonded(buyer), 100e18 - 33 + amount);
        vm.assertEq(stake.totalBonded(), 50_100e18 - 33 + amount);
        vm.assertEq(stake.unbonding(buyer).length, 2);
        vm.assertTrue(stake.unbonding(buyer)[0].release < stake.unbonding(buyer)[1].release, "order lost");
    }

    function test_UnknownEntryIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NoSuchUnbonding.selector, 3));
        vm.prank(buyer);
        stake.cancelUnbond(3);
    }

    function test_EntryOfAnotherIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NoSuchUnbonding.selector, 0));
        vm.prank(other);
        stake.cancelUnbond(0);
    }

    function test_DueEntryIsBondedAgainToo() public {
        vm.warp(1_800_000_000 + 30 days);
        vm.prank(buyer);
        stake.cancelUnbond(2);
        vm.assertEq(stake.bonded(buyer), 100e18 - 21);
        vm.prank(buyer);
        vm.assertEq(stake.withdraw(), 21);
    }
}
