// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

contract ClaimAndCloseTest is BaseTest {
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        id = openSession(50e18);
    }

    function testFuzz_PaysAndFreesTheRest(uint96 amount) public {
        amount = uint96(amount % 50e18) + 1;
        bytes memory signature = voucher(id, amount);
        vm.prank(provider);
        market.claimAndClose(id, amount, signature);
        vm.assertEq(market.free(provider), net(amount));
        vm.assertEq(market.free(buyer), 100e18 - amount);
        vm.assertFalse(market.session(id).open);
    }

    function test_VoucherClaimedByAnotherJustBeforeOnlyCloses() public {
        bytes memory signature = voucher(id, 20e18);
        vm.prank(other);
        market.claim(id, 20e18, signature);
        vm.prank(provider);
        market.claimAndClose(id, 20e18, signature);
        vm.assertEq(market.free(provider), net(20e18));
        vm.assertEq(market.free(buyer), 80e18);
        vm.assertFalse(market.session(id).open);
    }

    function test_OtherThanTheProviderIsRefused() public {
        vm.warp(block.timestamp + 2 hours);
        bytes memory signature = voucher(id, 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotProvider.selector, buyer));
        vm.prank(buyer);
        market.claimAndClose(id, 1, signature);
    }

    function test_ForgedVoucherLeavesTheSessionOpen() public {
        bytes memory signature = sign(OTHER_KEY, market.hashVoucher(id, 5));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, buyer));
        vm.prank(provider);
        market.claimAndClose(id, 5, signature);
        vm.assertTrue(market.session(id).open);
    }

    function test_AboveTheCapIsRefused() public {
        bytes memory signature = voucher(id, 50e18 + 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.AboveCap.selector, 50e18 + 1, 50e18));
        vm.prank(provider);
        market.claimAndClose(id, 50e18 + 1, signature);
    }

    function test_ClosedSessionIsRefused() public {
        bytes memory signature = voucher(id, 5);
        vm.startPrank(provider);
        market.closeSession(id);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.SessionNotOpen.selector, id));
        market.claimAndClose(id, 5, signature);
        vm.stopPrank();
    }
}
