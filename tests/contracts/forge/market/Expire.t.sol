// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {JobState, Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {MarketTest} from "./MarketTest.sol";

contract ExpireTest is MarketTest {
    function testFuzz_RefundAndBreachComeTogether(address caller, uint96 breach) public {
        Terms memory t = terms();
        t.breach = uint96(1 + breach % t.price);
        bytes32 id = open(t);
        vm.warp(t.lateBy);
        vm.expectEmit(address(market));
        emit EventsLib.JobExpired(id, t.breach);
        vm.prank(caller);
        market.expire(t);

        assertState(id, JobState.Expired);
        vm.assertEq(market.free(buyer), 100e18);
        vm.assertEq(token.balanceOf(buyer), 900e18 + t.breach);
        vm.assertEq(stake.bonded(provider), 50_000e18 - t.breach);
    }

    function test_WithoutABreachTheBondStays() public {
        Terms memory t = plain();
        bytes32 id = open(t);
        vm.warp(t.lateBy);
        vm.expectEmit(address(market));
        emit EventsLib.JobExpired(id, 0);
        market.expire(t);
        vm.assertEq(market.free(buyer), 100e18);
        vm.assertEq(stake.bonded(provider), 50_000e18);
    }

    function test_BondOnItsWayOutStillPays() public {
        Terms memory t = terms();
        open(t);
        vm.prank(provider);
        stake.unbond(50_000e18);
        vm.warp(t.lateBy);
        market.expire(t);
        vm.assertEq(token.balanceOf(buyer), 902e18);
    }

    function test_BondThatIsGonePaysWhatIsLeft() public {
        Terms memory t = terms();
        bytes32 id = open(t);
        vm.prank(address(market));
        stake.slash(provider, 50_000e18 - 1e18, buyer, 0, address(0));
        vm.warp(t.lateBy);
        vm.expectEmit(address(market));
        emit EventsLib.JobExpired(id, 1e18);
        market.expire(t);
        vm.assertEq(market.free(buyer), 100e18);
        vm.assertEq(token.balanceOf(buyer), 901e18);
    }

    function test_BeforeLateByIsRefused() public {
        Terms memory t = terms();
        open(t);
        vm.warp(t.lateBy - 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TooEarly.selector, t.lateBy));
        vm.prank(buyer);
        market.expire(t);
    }

    function test_DeliveredJobIsRefused() public {
        Terms memory t = terms();
        bytes32 id = open(t);
        deliver(t);
        vm.warp(t.lateBy);
        expectWrongState(id, JobState.Delivered);
        vm.prank(buyer);
        market.expire(t);
    }
}
