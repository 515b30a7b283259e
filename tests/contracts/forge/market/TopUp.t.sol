// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

contract TopUpTest is BaseTest {
    function testFuzz_CapGrows(uint96 amount) public {
        bytes32 id = openSession(10e18);
        amount = uint96(amount % 90e18) + 1;
        vm.expectEmit(address(market));
        emit EventsLib.SessionToppedUp(id, 10e18 + amount);
        vm.prank(buyer);
        market.topUp(id, amount);
        vm.assertEq(market.session(id).cap, 10e18 + amount);
        vm.assertEq(market.free(buyer), 90e18 - amount);
    }

    function test_VoucherAboveTheOldCapIsGoodAfterwards() public {
        bytes32 id = openSession(10e18);
        vm.prank(buyer);
        market.topUp(id, 5e18);
        market.claim(id, 15e18, voucher(id, 15e18));
        vm.assertEq(market.free(provider), net(15e18));
    }

    function test_OtherThanTheBuyerIsRefused() public {
        bytes32 id = openSession(10e18);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotBuyer.selector, provider));
        vm.prank(provider);
        market.topUp(id, 1);
    }

    function test_MoreThanFreeIsRefused() public {
        bytes32 id = openSession(10e18);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InsufficientBalance.selector, 90e18, 91e18));
        vm.prank(buyer);
        market.topUp(id, 91e18);
    }

    function test_NothingIsRefused() public {
        bytes32 id = openSession(10e18);
        vm.expectRevert(ErrorsLib.ZeroAmount.selector);
        vm.prank(buyer);
        market.topUp(id, 0);
    }

    function test_ClosedSessionIsRefused() public {
        bytes32 id = openSession(10e18);
        vm.prank(provider);
        market.closeSession(id);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.SessionNotOpen.selector, id));
        vm.prank(buyer);
        market.topUp(id, 1);
    }
}
