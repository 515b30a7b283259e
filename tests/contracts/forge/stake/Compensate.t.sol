// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Unbonding} from "../../../../contracts/interfaces/IFogStake.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {StakeTest} from "./StakeTest.sol";

contract CompensateTest is StakeTest {
    function test_BondPays() public {
        vm.expectEmit(address(stake));
        emit EventsLib.Compensated(provider, buyer, 20e18, 20e18);
        vm.assertEq(compensate(provider, 20e18, buyer), 20e18);
        vm.assertEq(token.balanceOf(buyer), 920e18);
        vm.assertEq(stake.bonded(provider), 49_980e18);
        vm.assertEq(stake.totalBonded(), 49_980e18);
    }

    /// @dev The bond first, then the queue from its end: what leaves soonest leaves last.
    function test_QueueAnswersLatestFirst() public {
        for (uint256 i; i < 3; ++i) {
            vm.warp(START + i);
            unbond(provider, uint96((i + 1) * 1000e18));
        }
        unbond(provider, 44_000e18 - 5e18); // joins the last
        vm.expectEmit(address(stake));
        emit EventsLib.Compensated(provider, buyer, 47_500e18, 5e18);
        vm.assertEq(compensate(provider, 47_500e18, buyer), 47_500e18);
        Unbonding[] memory queue = stake.unbonding(provider);
        vm.assertEq(queue.length, 2);
        vm.assertEq(queue[0].amount, 1000e18);
        vm.assertEq(queue[1].amount, 1500e18);
        vm.assertEq(queue[1].release, START + 1 + UNBONDING);
        vm.assertEq(stake.bonded(provider), 0);
    }

    function testFuzz_NeverMoreThanThereIs(uint96 amount) public {
        unbond(provider, 20_000e18);
        uint96 paid = compensate(provider, amount, buyer);
        vm.assertEq(paid, amount < 50_000e18 ? amount : 50_000e18);
        vm.assertEq(stake.slashable(provider), 50_000e18 - paid);
        vm.assertEq(token.balanceOf(buyer), 900e18 + paid);
        vm.assertEq(token.balanceOf(address(stake)), 50_000e18 - paid);
    }

    function test_NobodysBondPaysNothing() public {
        vm.expectEmit(address(stake));
        emit EventsLib.Compensated(other, buyer, 0, 0);
        vm.assertEq(compensate(other, 1e18, buyer), 0);
        vm.assertEq(token.balanceOf(buyer), 900e18);
    }

    function testFuzz_OnlyTheMarketMay(address by) public {
        vm.assume(by != address(market));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotMarket.selector, by));
        vm.prank(by);
        stake.compensate(provider, 1, by);
    }
}
