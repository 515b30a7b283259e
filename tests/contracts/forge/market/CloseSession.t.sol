// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

contract CloseSessionTest is BaseTest {
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        id = openSession(50e18);
    }

    function testFuzz_RestIsFreeAgain(uint96 claimed) public {
        claimed = uint96(claimed % 50e18) + 1;
        market.claim(id, claimed, voucher(id, claimed));
        vm.expectEmit(address(market));
        emit EventsLib.SessionClosed(id, buyer, provider, claimed, 50e18 - claimed);
        vm.prank(provider);
        market.closeSession(id);
        vm.assertEq(market.free(buyer), 100e18 - claimed);
        vm.assertFalse(market.session(id).open);
        vm.assertEq(market.session(id).buyer, buyer);
    }

    function testFuzz_AnyoneClosesFromTheExpiryOn(address caller) public {
        vm.warp(block.timestamp + 1 hours);
        vm.prank(caller);
        market.closeSession(id);
        vm.assertEq(market.free(buyer), 100e18);
    }

    function testFuzz_OthersThanTheProviderAreRefusedBeforeTheExpiry(address caller) public {
        vm.assume(caller != provider);
        vm.warp(block.timestamp + 1 hours - 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotExpired.selector, block.timestamp + 1));
        vm.prank(caller);
        market.closeSession(id);
    }

    function test_ProviderClosesAfterTheExpiryToo() public {
        vm.warp(block.timestamp + 2 hours);
        vm.prank(provider);
        market.closeSession(id);
        vm.assertEq(market.free(buyer), 100e18);
    }

    function test_SecondCloseIsRefused() public {
        vm.startPrank(provider);
        market.closeSession(id);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.SessionNotOpen.selector, id));
        market.closeSession(id);
        vm.stopPrank();
    }

    function test_OtherSessionsKeepTheirLock() public {
        uint40 expiry = inAnHour();
        vm.prank(buyer);
        bytes32 second = market.openSession(other, 20e18, expiry, JOB);
        vm.prank(provider);
        market.closeSession(id);
        vm.assertEq(market.free(buyer), 80e18);
        market.claim(second, 20e18, voucher(second, 20e18));
        vm.assertEq(market.free(other), net(20e18));
    }
}
