// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogStake} from "../../../../contracts/FogStake.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";
import {FeeToken} from "../mocks/WeirdTokens.sol";

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
        vm.assertEq(stake.totalBonded(), first + second);
        vm.assertEq(token.balanceOf(address(stake)), first + second);
    }

    function test_NothingIsRefused() public {
        vm.expectRevert(ErrorsLib.ZeroAmount.selector);
        vm.prank(buyer);
        stake.bond(0);
    }

    function test_FeeTokenIsRefused() public {
        FeeToken fee = new FeeToken();
        FogStake feeStake = new FogStake(address(fee), 1);
        fee.approve(address(feeStake), 100);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TransferMismatch.selector, 100, 99));
        feeStake.bond(100);
    }

    function test_BadDeploymentIsRefused() public {
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogStake(address(0), 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadUnbondingPeriod.selector, 28 days + 1));
        new FogStake(address(token), 28 days + 1);
    }
}
