// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery, Parameters, Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {bound, vm} from "../Vm.sol";
import {MarketTest} from "./MarketTest.sol";

contract SetMarketParametersTest is MarketTest {
    function testFuzz_WithinTheBounds(Parameters memory p) public {
        vm.assume(p.court != address(0));
        p.feeBps = uint16(bound(p.feeBps, 0, 300));
        p.challengeWindow = uint32(bound(p.challengeWindow, 10 minutes, 3 days));
        p.bondMultiple = uint16(bound(p.bondMultiple, 1, 100));
        vm.expectEmit(address(market));
        emit EventsLib.ParametersSet(2, p.court, p.challengeWindow, p.feeBps, p.bondMultiple);
        set(p);
        (Parameters memory now_, uint16 version,) = market.current();
        vm.assertEq(version, 2);
        vm.assertEq(keccak256(abi.encode(now_)), keccak256(abi.encode(p)));
        vm.assertEq(keccak256(abi.encode(market.parametersOf(2))), keccak256(abi.encode(p)));
        Parameters memory first = parameters(address(court));
        vm.assertEq(keccak256(abi.encode(market.parametersOf(1))), keccak256(abi.encode(first)));
    }

    function testFuzz_OthersThanTheTimelockAreRefused(address caller) public {
        vm.assume(caller != timelock);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotTimelock.selector, caller));
        vm.prank(caller);
        market.setParameters(parameters(judge));
    }

    function test_OutOfBoundsIsRefused() public {
        Parameters memory p = parameters(judge);
        p.feeBps = 301;
        refused(p, "feeBps", 301);
        p = parameters(judge);
        p.challengeWindow = 10 minutes - 1;
        refused(p, "challengeWindow", 10 minutes - 1);
        p.challengeWindow = 3 days + 1;
        refused(p, "challengeWindow", 3 days + 1);
        p = parameters(judge);
        p.bondMultiple = 0;
        refused(p, "bondMultiple", 0);
        p.bondMultiple = 101;
        refused(p, "bondMultiple", 101);
    }

    function test_NoCourtIsRefused() public {
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        set(parameters(address(0)));
    }

    function test_WhatIsOpenKeepsItsParameters() public {
        bytes32 session = openSession(10e18);
        Terms memory t = terms();
        bytes32 id = open(t);
        Parameters memory p = parameters(judge);
        (p.feeBps, p.challengeWindow) = (300, 3 days);
        set(p);

        market.claim(session, 5e18, voucher(session, 5e18));
        vm.assertEq(market.free(provider), 4.95e18);
        Delivery memory d = deliver(t);
        vm.assertEq(market.courtOf(id), address(court));
        vm.warp(d.at + WINDOW);
        market.finalize(t, d);
        vm.assertEq(market.free(provider), 4.95e18 + 3.96e18);
    }

    function test_WhatIsOpenedLaterHasTheNewOnes() public {
        Parameters memory p = parameters(judge);
        (p.feeBps, p.bondMultiple) = (300, 100);
        set(p);
        bytes32 session = openSession(10e18);
        market.claim(session, 5e18, voucher(session, 5e18));
        vm.assertEq(market.free(provider), 4.85e18);

        Terms memory t = terms();
        bytes32 id = open(t);
        vm.assertEq(market.courtOf(id), judge);
        vm.assertEq(market.job(id).version, 2);
        vm.assertEq(market.job(id).feeBps, 300);
        vm.prank(provider);
        stake.unbond(49_000e18 + 1);
        t.work = keccak256("other work");
        bytes memory signature = sign(PROVIDER_KEY, market.hashTerms(t));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BondTooSmall.selector, 1000e18 - 1, 1000e18));
        vm.prank(buyer);
        market.open(t, signature);
    }

    function test_StopGoesOn() public {
        uint40 until = uint40(block.timestamp + 1 days);
        vm.prank(guardian);
        market.stop(until);
        set(parameters(judge));
        (,, uint40 stoppedUntil) = market.current();
        vm.assertEq(stoppedUntil, until);
    }

    function set(Parameters memory p) private {
        vm.prank(timelock);
        market.setParameters(p);
    }

    function refused(Parameters memory p, bytes32 name, uint256 value) private {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, name, value));
        set(p);
    }
}
