// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FogMarket} from "../../../../contracts/FogMarket.sol";
import {Parameters} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {MarketTest} from "./MarketTest.sol";

contract MarketConstructorTest is MarketTest {
    function test_FirstParametersAreEventsToo() public {
        Parameters memory p = parameters(judge);
        vm.expectEmit();
        emit EventsLib.PricingSet(other);
        vm.expectEmit();
        emit EventsLib.ParametersSet(1, judge, WINDOW, FEE, 40);
        FogMarket fresh = new FogMarket(address(token), address(stake), timelock, guardian, other, p);

        vm.assertEq(fresh.token(), address(token));
        vm.assertEq(fresh.stake(), address(stake));
        vm.assertEq(fresh.timelock(), timelock);
        vm.assertEq(fresh.guardian(), guardian);
        vm.assertEq(fresh.guardianUntil(), block.timestamp + 365 days);
        vm.assertEq(fresh.pricing(), other);
        (Parameters memory now_, uint16 version, uint40 stoppedUntil) = fresh.current();
        vm.assertEq(keccak256(abi.encode(now_)), keccak256(abi.encode(p)));
        vm.assertEq(version, 1);
        vm.assertEq(stoppedUntil, 0);
    }

    function test_DeploymentWithoutTokenStakeOrTimelockIsRefused() public {
        Parameters memory p = parameters(judge);
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogMarket(address(0), address(stake), timelock, guardian, address(0), p);
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogMarket(address(token), address(0), timelock, guardian, address(0), p);
        vm.expectRevert(ErrorsLib.ZeroAddress.selector);
        new FogMarket(address(token), address(stake), address(0), guardian, address(0), p);
    }

    function test_ParametersOutOfBoundsAreRefused() public {
        Parameters memory p = parameters(judge);
        p.feeBps = 301;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, bytes32("feeBps"), 301));
        new FogMarket(address(token), address(stake), timelock, guardian, address(0), p);
    }
}
