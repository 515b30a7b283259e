// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogStake} from "../../../../contracts/FogStake.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";
import {FeeToken} from "../mocks/WeirdTokens.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

contract BondTest is BaseTest {
    function testFuzz_BondsAdd(uint96 first, uint96 second) public {
        first = uint96(first % 450e18) + 1;
        second = uint96(second % 450e18) + 1;
        vm.startPrank(buyer);
        vm.expectEmit(address(stake));
        emit EventsLib.Bonded(buyer, first);
        stake.bond(first);
        stake.bond(second);
        vm.stopPrank();
        vm.assertEq(stake.bonded(buyer), first + second);
        vm.assertEq(stake.totalBonded(), 50_000e18 + first + second);
        vm.assertEq(token.balanceOf(address(stake)), 50_000e18 + first + second);
    }

    function test_NothingIsRefused() public {
        vm.expectRevert(ErrorsLib.ZeroAmount.selector);
        vm.prank(buyer);
        stake.bond(0);
    }

    function test_WithoutAllowanceIsRefused() public {
        vm.prank(buyer);
        token.approve(address(stake), 9);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(stake), 9, 10));
        vm.prank(buyer);
        stake.bond(10);
    }

    function test_FeeTokenIsRefused() public {
        FeeToken fee = new FeeToken();
        FogStake feeStake = new FogStake(address(fee), address(market), treasury, UNBONDING);
        fee.approve(address(feeStake), 100);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TransferMismatch.selector, 100, 99));
        feeStake.bond(100);
    }
}
