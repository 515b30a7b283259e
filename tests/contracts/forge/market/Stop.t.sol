// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Parameters} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {bound, vm} from "../Vm.sol";
import {MarketTest} from "./MarketTest.sol";

contract StopTest is MarketTest {
    function testFuzz_GuardianStopsForAFortnightAtMost(uint40 until) public {
        until = uint40(bound(until, 0, block.timestamp + 14 days));
        vm.expectEmit(address(market));
        emit EventsLib.StopSet(guardian, until);
        stop(guardian, until);
        (Parameters memory p, uint16 version, uint40 stoppedUntil) = market.current();
        vm.assertEq(stoppedUntil, until);
        vm.assertEq(version, 1);
        vm.assertEq(p.court, address(court));
    }

    function test_LongerIsRefused() public {
        uint40 until = uint40(block.timestamp + 14 days + 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, bytes32("until"), until));
        stop(guardian, until);
    }

    function test_AgainOnlyAFortnightAfterTheLast() public {
        uint40 first = uint40(block.timestamp + 1 days);
        stop(guardian, first);
        vm.warp(first + 14 days - 1);
        uint40 again = uint40(block.timestamp + 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.StopTooSoon.selector, first + 14 days));
        stop(guardian, again);
        vm.warp(first + 14 days);
        stop(guardian, again);
    }

    function testFuzz_TimelockEndsAStopButMakesNone(uint40 until) public {
        uint40 last = uint40(block.timestamp + 1 days);
        stop(guardian, last);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, bytes32("until"), last + 1));
        stop(timelock, last + 1);

        until = uint40(bound(until, 0, last));
        vm.expectEmit(address(market));
        emit EventsLib.StopSet(timelock, until < block.timestamp ? uint40(block.timestamp) : until);
        stop(timelock, until);
    }

    /// @dev Whatever end the vote gave: a proposal can't know the time of its execution.
    function testFuzz_GuardianDoesNotBeginAnewWhatAVoteEnded(uint40 until) public {
        uint40 last = uint40(block.timestamp + 10 days);
        stop(guardian, last);
        vm.warp(block.timestamp + 8 days);
        stop(timelock, uint40(bound(until, 0, block.timestamp)));
        uint40 ended = uint40(block.timestamp);
        vm.warp(ended + 14 days - 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.StopTooSoon.selector, ended + 14 days));
        stop(guardian, uint40(block.timestamp + 1));
    }

    function test_VoteAfterAStopsEndChangesNothing() public {
        uint40 last = uint40(block.timestamp + 1 days);
        stop(guardian, last);
        vm.warp(last + 1 days);
        stop(timelock, 0);
        (,, uint40 stoppedUntil) = market.current();
        vm.assertEq(stoppedUntil, last);
    }

    function testFuzz_OthersAreRefused(address caller) public {
        vm.assume(caller != guardian && caller != timelock);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotGuardian.selector, caller));
        stop(caller, uint40(block.timestamp + 1));
    }

    function test_GuardiansPowerEnds() public {
        vm.warp(market.guardianUntil() - 1);
        stop(guardian, uint40(block.timestamp + 1));
        vm.warp(market.guardianUntil() + 14 days);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotGuardian.selector, guardian));
        stop(guardian, uint40(block.timestamp + 1));
    }

    function stop(address who, uint40 until) private {
        vm.prank(who);
        market.stop(until);
    }
}
