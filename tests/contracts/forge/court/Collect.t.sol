// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {CourtTest} from "./CourtTest.sol";

contract CollectTest is CourtTest {
    function test_PayIsCollectedOnce() public {
        challenged();
        address member = vote(0, 3)[0];
        close();
        vm.assertEq(court.earned(member), PRICE);
        vm.assertEq(court.pool(), 70e18);
        vm.expectEmit(address(court));
        emit EventsLib.AuditPayCollected(member, PRICE);
        vm.prank(member);
        vm.assertEq(court.collect(), PRICE);
        vm.assertEq(token.balanceOf(member), PRICE);
        vm.assertEq(court.pool(), 70e18);
        vm.assertEq(token.balanceOf(address(court)), 90e18);

        vm.expectRevert(ErrorsLib.ZeroAmount.selector);
        vm.prank(member);
        court.collect();
    }

    function test_WhoEarnedNothingIsRefused() public {
        vm.expectRevert(ErrorsLib.ZeroAmount.selector);
        vm.prank(other);
        court.collect();
    }
}
