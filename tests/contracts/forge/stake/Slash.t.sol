// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Unbonding} from "../../../../contracts/interfaces/IFogStake.sol";
import {SUPPLY} from "../../../../contracts/libraries/ConstantsLib.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {StakeTest} from "./StakeTest.sol";

contract SlashTest is StakeTest {
    address private constant finder = address(0xF1);

    function test_VictimThenFinderThenFire() public {
        vm.expectEmit(address(stake));
        emit EventsLib.Slashed(provider, buyer, finder, 400e18, 10e18, 97.5e18, 292.5e18);
        vm.assertEq(slash(provider, 400e18, buyer, 10e18, finder), 400e18);
        vm.assertEq(token.balanceOf(buyer), 910e18);
        vm.assertEq(token.balanceOf(finder), 97.5e18);
        vm.assertEq(token.totalSupply(), SUPPLY - 292.5e18);
        vm.assertEq(stake.bonded(provider), 49_600e18);
        vm.assertEq(stake.totalBonded(), 49_600e18);
        vm.assertEq(token.balanceOf(address(stake)), 49_600e18);
    }

    function test_WithoutFinderTheRestIsBurnt() public {
        slash(provider, 400e18, buyer, 10e18, address(0));
        vm.assertEq(token.balanceOf(buyer), 910e18);
        vm.assertEq(token.totalSupply(), SUPPLY - 390e18);
    }

    function test_VictimComesFirstWhenThereIsTooLittle() public {
        bond(other, 8e18);
        vm.expectEmit(address(stake));
        emit EventsLib.Slashed(other, buyer, finder, 8e18, 8e18, 0, 0);
        vm.assertEq(slash(other, 400e18, buyer, 10e18, finder), 8e18);
        vm.assertEq(token.balanceOf(buyer), 908e18);
        vm.assertEq(token.balanceOf(finder), 0);
        vm.assertEq(token.totalSupply(), SUPPLY);
    }

    /// @dev I11: to run with the bond does not help.
    function test_QueueAnswersLatestFirst() public {
        for (uint256 i; i < 3; ++i) {
            vm.warp(START + i);
            unbond(provider, uint96((i + 1) * 1000e18));
        }
        unbond(provider, 44_000e18); // joins the last
        vm.expectEmit(address(stake));
        emit EventsLib.Slashed(provider, buyer, address(0), 0, 47_000e18, 0, 1500e18);
        vm.assertEq(slash(provider, 48_500e18, buyer, 47_000e18, address(0)), 48_500e18);
        Unbonding[] memory queue = stake.unbonding(provider);
        vm.assertEq(queue.length, 2);
        vm.assertEq(queue[0].amount, 1000e18);
        vm.assertEq(queue[1].amount, 500e18);

        // What is left of the queue leaves when it would have.
        vm.warp(START + UNBONDING + 1);
        vm.prank(provider);
        vm.assertEq(stake.withdraw(), 1500e18);
    }

    /// @dev I10: what is taken is at most what is there, and its parts are all of it.
    function testFuzz_PartsAddUp(uint96 amount, uint96 toVictim, uint96 queued, bool found) public {
        if (queued % 50_000e18 != 0) unbond(provider, uint96(queued % 50_000e18));
        uint96 taken = slash(provider, amount, buyer, toVictim, found ? finder : address(0));
        vm.assertEq(taken, amount < 50_000e18 ? amount : 50_000e18);
        uint256 victims = token.balanceOf(buyer) - 900e18;
        uint256 finders = token.balanceOf(finder);
        uint256 burnt = SUPPLY - token.totalSupply();
        vm.assertEq(victims, toVictim < taken ? toVictim : taken);
        vm.assertEq(finders, found ? (taken - victims) / 4 : 0);
        vm.assertEq(victims + finders + burnt, taken);
        vm.assertEq(stake.slashable(provider), 50_000e18 - taken);
        vm.assertEq(token.balanceOf(address(stake)), 50_000e18 - taken);
    }

    /// @dev Rewards were earned before: they stay.
    function test_RewardsAreNotSlashed() public {
        fund(700e18);
        vm.warp(START + 7 days);
        uint96 due = stake.rewardsOf(provider);
        slash(provider, 50_000e18, buyer, 0, address(0));
        vm.assertEq(stake.rewardsOf(provider), due);
        vm.prank(provider);
        vm.assertEq(stake.claimRewards(), due);
    }

    function testFuzz_OnlyTheMarketMay(address by) public {
        vm.assume(by != address(market));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotMarket.selector, by));
        vm.prank(by);
        stake.slash(provider, 1, by, 1, by);
    }
}
