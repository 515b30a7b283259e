// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Case, CourtParameters} from "../../../../contracts/interfaces/IFogCourt.sol";
import {JobState} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {CourtTest} from "./CourtTest.sol";

contract OpenCaseTest is CourtTest {
    function test_ChallengeOpensACase() public {
        delivered();
        uint40 verdictBy = uint40(block.timestamp + 2 hours);
        vm.expectEmit(address(court));
        emit EventsLib.CaseOpened(job, buyer, provider, PRICE, verdictBy);
        vm.expectEmit(address(court));
        emit EventsLib.SeedNamed(job, 0, uint40(block.number + 1));
        challenge();
        Case memory c = theCase();
        vm.assertEq(c.finder, buyer);
        vm.assertEq(c.buyer, buyer);
        vm.assertEq(c.provider, provider);
        vm.assertEq(c.bond, PRICE);
        vm.assertEq(c.verdictBy, verdictBy);
        vm.assertEq(c.delivered, keccak256(abi.encode(RESULT, FUEL)));
        vm.assertFalse(c.closed);
        vm.assertEq(market.free(address(court)), PRICE);
        assertState(JobState.Challenged);
    }

    /// @dev The court keeps to what held when the case was opened.
    function test_ParametersArePinned() public {
        challenged();
        CourtParameters memory p = courtParameters();
        (p.commitTime, p.revealTime, p.slashMultiple) = (2 minutes, 2 minutes, 1);
        vm.prank(timelock);
        court.setParameters(p);
        draw();
        vm.assertEq(theCase().commitBy, block.timestamp + 10 minutes);
        vm.assertEq(theCase().revealBy, block.timestamp + 20 minutes);
        vm.assertEq(theCase().slashMultiple, 40);
    }

    function testFuzz_OnlyTheMarketMay(address by) public {
        vm.assume(by != address(market));
        delivered();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotMarket.selector, by));
        vm.prank(by);
        court.open(job, t, d, 0);
    }

    function test_JobHasOneCase() public {
        challenged();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.CaseExists.selector, job));
        vm.prank(address(market));
        court.open(job, t, d, 0);
    }

    function test_WithoutCaseNothingCanBeDone() public {
        delivered();
        bytes memory error = abi.encodeWithSelector(ErrorsLib.NoCase.selector, job);
        vm.expectRevert(error);
        court.draw(job);
        vm.expectRevert(error);
        court.commit(job, SALT);
        vm.expectRevert(error);
        court.reveal(job, RESULT, FUEL, SALT);
        vm.expectRevert(error);
        court.close(t, d);
        vm.assertEq(theCase().verdictBy, 0);
    }
}
