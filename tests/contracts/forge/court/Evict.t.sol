// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CourtParameters} from "../../../../contracts/interfaces/IFogCourt.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {CourtTest} from "./CourtTest.sol";

contract EvictTest is CourtTest {
    function test_WhoseBondIsGoneLosesHisSeats() public {
        enlist(provider, 50);
        unbond(provider, 1);
        vm.expectEmit(address(court));
        emit EventsLib.SeatsSet(provider, 0);
        vm.prank(other);
        court.evict(provider);
        vm.assertEq(court.seatsOf(provider), 0);
        vm.assertEq(court.seatCount(), AUDITORS);
    }

    function test_WhoseBondCoversThemKeepsThem() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.SeatsCovered.selector, auditor(3)));
        court.evict(auditor(3));
    }

    function test_WhoHasNoneHasNothingToLose() public {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.SeatsCovered.selector, other));
        court.evict(other);
    }

    function test_DearerSeatsMustBeCoveredToo() public {
        CourtParameters memory p = courtParameters();
        p.seatBond = SEAT + 1;
        vm.prank(timelock);
        court.setParameters(p);
        court.evict(auditor(0));
        vm.assertEq(court.seatsOf(auditor(0)), 0);
    }
}
