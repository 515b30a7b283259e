// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogStake} from "../../../../contracts/FogStake.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";

contract StakeConstructorTest is BaseTest {
    function testFuzz_PeriodsWithinLimitsAreTaken(uint256 seed) public {
        uint40 period = uint40(7 days + seed % (21 days + 1));
        FogStake made = new FogStake(address(token), address(market), treasury, period);
        vm.assertEq(made.unbondingPeriod(), period);
        vm.assertEq(made.token(), address(token));
        vm.assertEq(made.market(), address(market));
    }

    function test_NobodyIsRefused() public {
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogStake(address(0), address(market), treasury, UNBONDING);
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogStake(address(token), address(0), treasury, UNBONDING);
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogStake(address(token), address(market), address(0), UNBONDING);
    }

    /// @dev I11: shorter than a challenge window and a verdict together would let a cheat's bond leave in time.
    function test_PeriodBeyondLimitsIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadUnbondingPeriod.selector, 7 days - 1));
        new FogStake(address(token), address(market), treasury, 7 days - 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadUnbondingPeriod.selector, 28 days + 1));
        new FogStake(address(token), address(market), treasury, 28 days + 1);
    }
}
