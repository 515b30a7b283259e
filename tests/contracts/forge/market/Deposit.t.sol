// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogMarket} from "../../../../contracts/FogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";
import {FeeToken, HookToken} from "../mocks/WeirdTokens.sol";

contract DepositTest is BaseTest {
    function testFuzz_DepositIsFree(uint96 amount) public {
        amount = uint96(amount % 900e18) + 1;
        vm.expectEmit(address(market));
        emit EventsLib.Deposited(buyer, amount);
        vm.prank(buyer);
        market.deposit(amount);
        vm.assertEq(market.free(buyer), 100e18 + amount);
        vm.assertEq(market.locked(buyer), 0);
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

    function test_MarketWithoutTokenIsRefused() public {
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogMarket(address(0));
    }

    function test_FeeTokenIsRefused() public {
        FeeToken fee = new FeeToken();
        FogMarket feeMarket = new FogMarket(address(fee));
        fee.approve(address(feeMarket), 100);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TransferMismatch.selector, 100, 99));
        feeMarket.deposit(100);
    }

    function test_TokenCannotReenter() public {
        HookToken hook = new HookToken();
        FogMarket hookMarket = new FogMarket(address(hook));
        hook.approve(address(hookMarket), 100);
        hook.aim(address(hookMarket), abi.encodeCall(hookMarket.withdraw, (1)));
        hookMarket.deposit(100);
        vm.assertTrue(hook.tried());
        vm.assertEq(bytes32(hook.answer()), bytes32(bytes4(keccak256("ReentrancyGuardReentrantCall()"))));
        vm.assertEq(hookMarket.free(address(this)), 100);
    }
}
