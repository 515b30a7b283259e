// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {MarketTest} from "./MarketTest.sol";

contract SetPricingTest is MarketTest {
    function testFuzz_TimelockNamesIt(address pricing_) public {
        vm.expectEmit(address(market));
        emit EventsLib.PricingSet(pricing_);
        vm.prank(timelock);
        market.setPricing(pricing_);
        vm.assertEq(market.pricing(), pricing_);
    }

    function testFuzz_OthersAreRefused(address caller) public {
        vm.assume(caller != timelock);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotTimelock.selector, caller));
        vm.prank(caller);
        market.setPricing(other);
    }
}
