// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

contract DepositTest is BaseTest {
    function testFuzz_DepositIsFree(uint96 amount) public {
        amount = uint96(amount % 900e18) + 1;
        vm.expectEmit(address(market));
        emit EventsLib.Deposited(buyer, amount);
        vm.prank(buyer);
        market.deposit(amount);
        vm.assertEq(market.free(buyer), 100e18 + amount);
        vm.assertEq(token.balanceOf(address(market)), 100e18 + amount);
    }

    function test_NothingIsRefused() public {
        vm.expectRevert(ErrorsLib.ZeroAmount.selector);
        vm.prank(buyer);
        market.deposit(0);
    }

    function test_WithoutAllowanceIsRefused() public {
        vm.prank(treasury);
        token.transfer(other, 5);
        vm.expectRevert();
        vm.prank(other);
        market.deposit(5);
        vm.assertEq(market.free(other), 0);
    }
}
