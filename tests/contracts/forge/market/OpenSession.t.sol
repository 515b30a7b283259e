// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Session} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

contract OpenSessionTest is BaseTest {
    function testFuzz_CapIsLocked(uint96 cap, address to, uint40 expiry, bytes32 job) public {
        vm.assume(to != address(0));
        cap = uint96(cap % 100e18) + 1;
        expiry = uint40(block.timestamp + 1 + expiry % 365 days);
        bytes32 id = keccak256(abi.encode(buyer, to, job));
        vm.expectEmit(address(market));
        emit EventsLib.SessionOpened(id, buyer, to, job, cap, expiry, FEE);
        vm.prank(buyer);
        vm.assertEq(market.openSession(to, cap, expiry, job), id);

        vm.assertEq(market.free(buyer), 100e18 - cap);
        Session memory s = market.session(id);
        vm.assertEq(s.buyer, buyer);
        vm.assertEq(s.provider, to);
        vm.assertEq(s.cap, cap);
        vm.assertEq(s.claimed, 0);
        vm.assertEq(s.expiry, expiry);
        vm.assertTrue(s.open);
        vm.assertEq(s.feeBps, FEE);
        vm.assertEq(market.sessionId(buyer, to, job), id);
    }

    function test_UnknownSessionIsAllZero() public view {
        Session memory s = market.session(JOB);
        vm.assertEq(s.buyer, address(0));
        vm.assertFalse(s.open);
    }

    function test_SecondOneIsRefusedWhileOpen() public {
        bytes32 id = openSession(1e18);
        uint40 expiry = inAnHour();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.SessionExists.selector, id));
        vm.prank(buyer);
        market.openSession(provider, 1e18, expiry, JOB);
    }

    function test_SecondOneIsRefusedAfterTheClose() public {
        bytes32 id = openSession(1e18);
        vm.prank(provider);
        market.closeSession(id);
        uint40 expiry = inAnHour();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.SessionExists.selector, id));
        vm.prank(buyer);
        market.openSession(provider, 1e18, expiry, JOB);
    }

    function test_MoreThanFreeIsRefused() public {
        uint40 expiry = inAnHour();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InsufficientBalance.selector, 100e18, 100e18 + 1));
        vm.prank(buyer);
        market.openSession(provider, 100e18 + 1, expiry, JOB);
    }

    function test_ExpiryNowIsRefused() public {
        uint40 expiry = uint40(block.timestamp);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadExpiry.selector, expiry));
        vm.prank(buyer);
        market.openSession(provider, 1, expiry, JOB);
    }

    function test_ExpiryFarAwayIsRefused() public {
        uint40 expiry = uint40(block.timestamp + 365 days + 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadExpiry.selector, expiry));
        vm.prank(buyer);
        market.openSession(provider, 1, expiry, JOB);
    }

    function test_NoProviderIsRefused() public {
        uint40 expiry = inAnHour();
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        vm.prank(buyer);
        market.openSession(address(0), 1, expiry, JOB);
    }

    function test_NoCapIsRefused() public {
        uint40 expiry = inAnHour();
        vm.expectRevert(ErrorsLib.ZeroAmount.selector);
        vm.prank(buyer);
        market.openSession(provider, 0, expiry, JOB);
    }

    function test_StoppedMarketOpensNone() public {
        uint40 until = uint40(block.timestamp + 1 days);
        vm.prank(guardian);
        market.stop(until);
        uint40 expiry = until + 1 hours;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.Stopped.selector, until));
        vm.prank(buyer);
        market.openSession(provider, 1e18, expiry, JOB);

        vm.warp(until);
        vm.prank(buyer);
        market.openSession(provider, 1e18, expiry, JOB);
    }
}
