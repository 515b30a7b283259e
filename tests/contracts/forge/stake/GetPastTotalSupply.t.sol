// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {StakeTest} from "./StakeTest.sol";
import {Votes} from "@openzeppelin/contracts/governance/utils/Votes.sol";

/// @dev START is the beginning of a period of 600 s.
contract GetPastTotalSupplyTest is StakeTest {
    /// @dev What the total was at the end of each period of a run, and when it was asked for what.
    mapping(uint256 period => uint256) private endOf;
    uint256[] private asked;
    uint256[] private answered;

    function test_TotalIsThatOfThePeriodBefore() public {
        vm.warp(START + 599);
        vm.assertEq(stake.getPastTotalSupply(START), 0); // the provider bonded in this period
        vm.warp(START + 700);
        vm.assertEq(stake.getPastTotalSupply(START + 600), 50_000e18);
        bond(buyer, 100e18);
        vm.warp(START + 10_000);
        vm.assertEq(stake.getPastTotalSupply(START + 599), 0);
        vm.assertEq(stake.getPastTotalSupply(START + 1199), 50_000e18);
        vm.assertEq(stake.getPastTotalSupply(START + 1200), 50_100e18);
        vm.assertEq(stake.getPastTotalSupply(START + 9999), 50_100e18);
    }

    function test_BeforeTheFirstPeriodThereIsNone() public view {
        vm.assertEq(stake.getPastTotalSupply(599), 0);
    }

    function test_PresentAndFutureAreRefused() public {
        vm.expectRevert(abi.encodeWithSelector(Votes.ERC5805FutureLookup.selector, START + 1, START));
        stake.getPastTotalSupply(START + 1);
    }

    /// @dev I9, and that a quorum once computed stays: whatever is asked at any time for the second before, and for a
    /// time long past, has the same answer at the end, and the right one.
    function testFuzz_TotalNeverChangesAfterwards(uint256[16] calldata steps) public {
        uint256 period = START / 600;
        uint256 total = 50_000e18;
        give(buyer, 1000e18);
        for (uint256 i; i < steps.length; ++i) {
            uint256 seed = steps[i];
            uint256 time = block.timestamp + (seed >> 16) % 1500;
            for (; period < time / 600; ++period) {
                endOf[period] = total;
            }
            vm.warp(time);
            uint256 amount = (seed >> 32) % 10e18 + 1;
            if (seed % 4 == 0) {
                vm.prank(buyer);
                stake.bond(uint96(amount));
                total += amount;
            } else if (seed % 4 == 1) {
                unbond(provider, uint96(amount));
                total -= amount;
            } else if (seed % 4 == 2) {
                slash(provider, uint96(amount), buyer, 0, address(0));
                total -= amount;
            } else {
                fund(uint96(amount));
            }
            vm.assertEq(stake.totalBonded(), total);
            ask(time - 1);
            ask(START + (seed >> 64) % (time - START + 1));
        }
        vm.warp(block.timestamp + 10 days);
        for (uint256 i; i < asked.length; ++i) {
            vm.assertEq(stake.getPastTotalSupply(asked[i]), answered[i], "changed");
            vm.assertEq(answered[i], endOf[asked[i] / 600 - 1], "wrong");
        }
    }

    function ask(uint256 time) private {
        if (time >= block.timestamp) return;
        asked.push(time);
        answered.push(stake.getPastTotalSupply(time));
    }
}
