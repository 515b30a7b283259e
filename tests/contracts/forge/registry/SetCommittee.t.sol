// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {bound, vm} from "../Vm.sol";
import {RegistryTest} from "./RegistryTest.sol";

contract SetCommitteeTest is RegistryTest {
    function members(uint256 n) internal pure returns (address[] memory found) {
        found = new address[](n);
        for (uint160 i; i < n; ++i) {
            found[i] = address(0x1000 + i);
        }
    }

    function testFuzz_TimelockSetsIt(uint256 n, uint256 threshold) public {
        n = bound(n, 1, 25);
        threshold = bound(threshold, n / 2 + 1, n);
        vm.expectEmit(address(registry));
        emit EventsLib.CommitteeSet(members(n), uint8(threshold));
        vm.prank(timelock);
        registry.setCommittee(members(n), uint8(threshold));
        (address[] memory found, uint8 needed) = registry.committee();
        vm.assertEq(found.length, n);
        vm.assertEq(found[n - 1], address(uint160(0x1000 + n - 1)));
        vm.assertEq(needed, threshold);
    }

    function testFuzz_ThresholdMustBeMoreThanHalfAndAtMostAll(uint256 n, uint8 threshold) public {
        n %= 26;
        vm.assume(threshold <= n / 2 || threshold > n);
        vm.expectRevert(ErrorsLib.BadCommittee.selector);
        vm.prank(timelock);
        registry.setCommittee(members(n), threshold);
    }

    function test_MoreThan25AreRefused() public {
        vm.expectRevert(ErrorsLib.BadCommittee.selector);
        vm.prank(timelock);
        registry.setCommittee(members(26), 20);
    }

    function test_TwiceTheSameOrNobodyIsRefused() public {
        address[] memory chosen = members(3);
        chosen[2] = chosen[0];
        vm.expectRevert(ErrorsLib.BadCommittee.selector);
        vm.prank(timelock);
        registry.setCommittee(chosen, 2);

        chosen[2] = address(0);
        vm.expectRevert(ErrorsLib.BadCommittee.selector);
        vm.prank(timelock);
        registry.setCommittee(chosen, 2);
    }

    function testFuzz_NobodyElseSetsIt(address caller) public {
        vm.assume(caller != timelock);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotTimelock.selector, caller));
        vm.prank(caller);
        registry.setCommittee(members(3), 2);
    }
}
