// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

contract WithdrawTest is BaseTest {
    function testFuzz_FreeBalanceCanLeave(uint96 amount) public {
        amount = uint96(amount % 100e18) + 1;
        vm.expectEmit(address(market));
        emit EventsLib.Withdrawn(buyer, amount);
        vm.prank(buyer);
        market.withdraw(amount);
        vm.assertEq(market.free(buyer), 100e18 - amount);
        vm.assertEq(token.balanceOf(buyer), 900e18 + amount);
    }

    function test_MoreThanFreeIsRefused() public {
        openSession(60e18);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InsufficientBalance.selector, 40e18, 40e18 + 1));
        vm.prank(buyer);
        market.withdraw(40e18 + 1);
    }

    function test_BalanceOfAnotherIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.InsufficientBalance.selector, 0, 1));
        vm.prank(other);
        market.withdraw(1);
    }

    function test_NothingIsRefused() public {
        vm.expectRevert(ErrorsLib.ZeroAmount.selector);
        vm.prank(buyer);
        market.withdraw(0);
    }
}
