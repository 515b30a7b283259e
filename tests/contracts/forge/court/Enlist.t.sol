// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {bound, vm} from "../Vm.sol";
import {CourtTest} from "./CourtTest.sol";

contract EnlistTest is CourtTest {
    function test_SeatsAreTakenAndGivenBack() public {
        vm.expectEmit(address(court));
        emit EventsLib.SeatsSet(provider, 50);
        enlist(provider, 50);
        vm.assertEq(court.seatsOf(provider), 50);
        vm.assertEq(court.seatCount(), AUDITORS + 50);

        vm.expectEmit(address(court));
        emit EventsLib.SeatsSet(provider, 2);
        enlist(provider, 2);
        vm.assertEq(court.seatsOf(provider), 2);
        vm.assertEq(court.seatCount(), AUDITORS + 2);

        enlist(provider, 0);
        vm.assertEq(court.seatsOf(provider), 0);
        vm.assertEq(court.seatCount(), AUDITORS);
    }

    function test_BeyondTheBondIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TooManySeats.selector, 51));
        enlist(provider, 51);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TooManySeats.selector, 1));
        enlist(other, 1);
        // What is on its way out covers nothing.
        unbond(provider, 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TooManySeats.selector, 50));
        enlist(provider, 50);
        enlist(provider, 49);
    }

    function test_NobodyHasMoreThan64() public {
        bond(other, 100 * SEAT);
        enlist(other, 64);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.TooManySeats.selector, 65));
        enlist(other, 65);
    }

    /// @dev Whoever comes and goes in whatever order, all others keep their seats: the committee of any draw is of those
    /// who have some.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_SeatsOfOthersStay(uint256[24] calldata steps) public {
        for (uint256 i; i < AUDITORS; ++i) {
            bond(auditor(i), 5 * SEAT);
        }
        uint16[AUDITORS] memory wanted;
        for (uint256 i; i < AUDITORS; ++i) {
            wanted[i] = 1;
        }
        for (uint256 i; i < steps.length; ++i) {
            uint256 who = steps[i] % AUDITORS;
            wanted[who] = uint16((steps[i] >> 8) % 7);
            enlist(auditor(who), wanted[who]);
        }
        uint256 sum;
        uint256 present;
        for (uint256 i; i < AUDITORS; ++i) {
            vm.assertEq(court.seatsOf(auditor(i)), wanted[i]);
            sum += wanted[i];
            if (wanted[i] != 0) ++present;
        }
        vm.assertEq(court.seatCount(), sum);
        if (present < 3) return;

        challenged();
        address[] memory members = draw();
        for (uint256 i; i < members.length; ++i) {
            vm.assertTrue(court.seatsOf(members[i]) != 0, "drawn without a seat");
        }
        // All leave: not one seat of anybody's is left behind.
        for (uint256 i; i < AUDITORS; ++i) {
            enlist(auditor(i), 0);
        }
        vm.assertEq(court.seatCount(), 0);
    }

    /// @dev To leave costs the same however many seats others have: nobody can fill the court until it can't be closed.
    function test_LeavingCostsTheSameInAFullCourt() public {
        uint256 before = gasleft();
        enlist(auditor(0), 0);
        uint256 few = before - gasleft();
        for (uint256 i; i < 8; ++i) {
            address crowd = address(uint160(0xC0 + i));
            bond(crowd, 64 * SEAT);
            enlist(crowd, 64);
        }
        before = gasleft();
        enlist(auditor(1), 0);
        vm.assertLe(before - gasleft(), few + 10_000, "gas to leave");
    }
}
