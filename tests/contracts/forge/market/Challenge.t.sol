// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery, JobState, Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {MarketTest} from "./MarketTest.sol";

contract ChallengeTest is MarketTest {
    function test_BuyersBondGoesToTheCourt() public {
        Terms memory t = terms();
        bytes32 id = open(t);
        Delivery memory d = deliver(t);
        vm.warp(d.at + WINDOW - 1);
        vm.expectEmit(address(market));
        emit EventsLib.JobChallenged(id, address(court), 10e18);
        vm.prank(buyer);
        market.challenge(t, d);

        assertState(id, JobState.Challenged);
        vm.assertEq(market.job(id).since, block.timestamp);
        vm.assertEq(market.free(buyer), 80e18);
        vm.assertEq(market.free(address(court)), 10e18);
        vm.assertEq(court.caseOf(id).finder, buyer);
        vm.assertEq(court.caseOf(id).bond, 10e18);
    }

    function test_CourtNeedsNoBond() public {
        (,, bytes32 id) = challenged();
        assertState(id, JobState.Challenged);
        vm.assertEq(market.free(buyer), 90e18);
        vm.assertEq(market.courtOf(id), judge);
    }

    function testFuzz_OthersAreRefused(address caller) public {
        vm.assume(caller != buyer && caller != address(court));
        Terms memory t = terms();
        open(t);
        Delivery memory d = deliver(t);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotBuyer.selector, caller));
        vm.prank(caller);
        market.challenge(t, d);
    }

    function test_CourtOfOtherJobsIsRefused() public {
        Terms memory t = terms();
        open(t);
        Delivery memory d = deliver(t);
        appointJudge();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotBuyer.selector, judge));
        vm.prank(judge);
        market.challenge(t, d);
    }

    function test_AfterTheWindowIsRefused() public {
        Terms memory t = terms();
        open(t);
        Delivery memory d = deliver(t);
        vm.warp(d.at + WINDOW);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TooLate.selector, d.at + WINDOW));
        vm.prank(buyer);
        market.challenge(t, d);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TooLate.selector, d.at + WINDOW));
        vm.prank(address(court));
        market.challenge(t, d);
    }

    function test_OtherThanWasDeliveredIsRefused() public {
        Terms memory t = terms();
        bytes32 id = open(t);
        Delivery memory d = deliver(t);
        ++d.fuel;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotDelivered.selector, id));
        vm.prank(buyer);
        market.challenge(t, d);
    }

    function test_BuyerWithoutTheBondIsRefused() public {
        Terms memory t = terms();
        open(t);
        Delivery memory d = deliver(t);
        vm.startPrank(buyer);
        market.withdraw(80e18 + 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InsufficientBalance.selector, 10e18 - 1, 10e18));
        market.challenge(t, d);
        vm.stopPrank();
    }

    function test_OpenJobIsRefused() public {
        Terms memory t = terms();
        bytes32 id = open(t);
        expectWrongState(id, JobState.Open);
        vm.prank(buyer);
        market.challenge(t, Delivery({result: RESULT, fuel: 4e9, at: uint40(block.timestamp)}));
    }

    function test_SecondChallengeIsRefused() public {
        (Terms memory t, Delivery memory d, bytes32 id) = challenged();
        expectWrongState(id, JobState.Challenged);
        vm.prank(buyer);
        market.challenge(t, d);
    }
}
