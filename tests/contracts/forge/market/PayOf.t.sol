// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {bound, vm} from "../Vm.sol";
import {MarketTest} from "./MarketTest.sol";

contract PayOfTest is MarketTest {
    /// @dev Any terms with their times in order.
    function any(Terms memory t) private pure returns (Terms memory) {
        t.due = uint40(bound(t.due, 1, type(uint40).max - 1));
        t.lateBy = uint40(bound(t.lateBy, t.due, type(uint40).max));
        return t;
    }

    function testFuzz_FuelIsPaidByTheRateUpToThePrice(Terms memory t, uint64 fuel) public view {
        t = any(t);
        t.rate = t.rate == 0 ? 1 : t.rate;
        uint256 metered = uint256(t.rate) * fuel / 1e9;
        vm.assertEq(market.payOf(t, fuel, t.due), metered < t.price ? metered : t.price);
    }

    function testFuzz_WithoutARateThePriceIsFixed(Terms memory t, uint64 fuel) public view {
        t = any(t);
        t.rate = 0;
        vm.assertEq(market.payOf(t, fuel, t.due), t.price);
    }

    function testFuzz_InFullUntilDueAndNothingFromLateByOn(Terms memory t, uint64 fuel, uint40 at) public view {
        t = any(t);
        vm.assertEq(market.payOf(t, fuel, uint40(bound(at, 0, t.due))), market.payOf(t, fuel, 0));
        if (t.lateBy > t.due) vm.assertEq(market.payOf(t, fuel, uint40(bound(at, t.lateBy, type(uint40).max))), 0);
    }

    function testFuzz_FallsLinearly(Terms memory t, uint64 fuel, uint40 at) public view {
        t = any(t);
        vm.assume(t.lateBy > t.due);
        at = uint40(bound(at, t.due, t.lateBy));
        uint256 full = market.payOf(t, fuel, t.due);
        uint256 grace = t.lateBy - t.due;
        vm.assertEq(market.payOf(t, fuel, at), full * (t.lateBy - at) / grace);
    }

    function testFuzz_LaterNeverPaysMore(Terms memory t, uint64 fuel, uint40 early, uint40 late) public view {
        t = any(t);
        late = uint40(bound(late, early, type(uint40).max));
        vm.assertLe(market.payOf(t, fuel, late), market.payOf(t, fuel, early), "later paid more");
    }

    function testFuzz_MoreFuelNeverPaysLess(Terms memory t, uint64 less, uint64 more, uint40 at) public view {
        t = any(t);
        more = uint64(bound(more, less, type(uint64).max));
        vm.assertGe(market.payOf(t, more, at), market.payOf(t, less, at), "more fuel paid less");
    }

    function test_Halfway() public view {
        Terms memory t = terms();
        vm.assertEq(market.payOf(t, 4e9, t.due), 4e18);
        vm.assertEq(market.payOf(t, 4e9, t.due + 15 minutes), 3e18);
        vm.assertEq(market.payOf(t, 4e9, t.due + 30 minutes), 2e18);
        vm.assertEq(market.payOf(t, 40e9, t.due), 10e18);
    }
}
