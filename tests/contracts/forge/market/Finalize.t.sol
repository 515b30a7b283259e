// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery, JobState, Parameters, Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {MAX_VERDICT_TIME} from "../../../../contracts/libraries/ConstantsLib.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib, Reason} from "../../../../contracts/libraries/EventsLib.sol";
import {bound, vm} from "../Vm.sol";
import {MarketTest} from "./MarketTest.sol";

contract FinalizeTest is MarketTest {
    function testFuzz_SilencePaysByTimeAndFuel(uint64 fuel, uint40 at, address caller) public {
        Terms memory t = terms();
        bytes32 id = open(t);
        vm.warp(bound(at, block.timestamp, t.lateBy - 1));
        Delivery memory d = deliver(t, RESULT, fuel);
        uint96 pay = market.payOf(t, fuel, d.at);
        vm.warp(d.at + WINDOW);
        vm.expectEmit(address(market));
        emit EventsLib.JobSettled(id, net(pay), fee(pay), 10e18 - pay, Reason.Unchallenged);
        vm.prank(caller);
        market.finalize(t, d);

        assertState(id, JobState.Settled);
        vm.assertEq(market.free(provider), net(pay));
        vm.assertEq(market.free(buyer), 100e18 - pay);
    }

    function test_WithinTheWindowIsRefused() public {
        Terms memory t = terms();
        open(t);
        Delivery memory d = deliver(t);
        vm.warp(d.at + WINDOW - 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TooEarly.selector, d.at + WINDOW));
        vm.prank(provider);
        market.finalize(t, d);
    }

    function test_OtherThanWasDeliveredIsRefused() public {
        Terms memory t = terms();
        bytes32 id = open(t);
        Delivery memory d = deliver(t);
        vm.warp(d.at + WINDOW);
        Delivery[3] memory others = [
            Delivery({result: keccak256("other"), fuel: d.fuel, at: d.at}),
            Delivery({result: d.result, fuel: d.fuel + 1, at: d.at}),
            Delivery({result: d.result, fuel: d.fuel, at: d.at - 1})
        ];
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotDelivered.selector, id));
            market.finalize(t, others[i]);
        }
    }

    function test_OpenJobIsRefused() public {
        Terms memory t = terms();
        bytes32 id = open(t);
        expectWrongState(id, JobState.Open);
        market.finalize(t, Delivery({result: RESULT, fuel: 4e9, at: uint40(block.timestamp)}));
    }

    function test_CourtThatStaysSilentAcquits() public {
        (Terms memory t, Delivery memory d, bytes32 id) = challenged();
        uint40 from = uint40(block.timestamp + MAX_VERDICT_TIME);
        vm.warp(from - 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TooEarly.selector, from));
        market.finalize(t, d);

        vm.warp(from);
        vm.expectEmit(address(market));
        emit EventsLib.JobSettled(id, net(4e18), fee(4e18), 6e18, Reason.Acquitted);
        vm.prank(other);
        market.finalize(t, d);
        vm.assertEq(market.free(provider), net(4e18));
    }

    function test_WindowAndFeeAreThoseOfTheOpening() public {
        Terms memory t = terms();
        open(t);
        Delivery memory d = deliver(t);
        Parameters memory changed = parameters(judge);
        (changed.challengeWindow, changed.feeBps) = (3 days, 300);
        vm.prank(timelock);
        market.setParameters(changed);
        vm.warp(d.at + WINDOW);
        market.finalize(t, d);
        vm.assertEq(market.free(provider), net(4e18));
    }
}
