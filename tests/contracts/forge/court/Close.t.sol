// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {CourtParameters} from "../../../../contracts/interfaces/IFogCourt.sol";
import {JobState} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {CourtTest} from "./CourtTest.sol";

/// @dev When a round ends, and how. What a verdict pays is in Verdict.t.sol.
contract CloseTest is CourtTest {
    function expectWrongPhase() private {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.WrongPhase.selector, job));
    }

    function verdict(bool guilty, uint8 round) private {
        vm.assertTrue(theCase().closed, "no verdict");
        vm.assertEq(theCase().round, round);
        assertState(guilty ? JobState.Slashed : JobState.Settled);
    }

    function test_OpenRoundIsNotClosed() public {
        challenged();
        expectWrongPhase();
        close();
        address[] memory members = draw();
        expectWrongPhase();
        close();
        for (uint256 i; i < 3; ++i) {
            commit(members[i], RESULT, FUEL);
        }
        expectWrongPhase();
        close();
        toReveals();
        reveal(members[0], RESULT, FUEL);
        reveal(members[1], RESULT, FUEL);
        vm.warp(theCase().revealBy - 1);
        expectWrongPhase();
        close();
    }

    function test_OnceAllHaveRevealedNobodyWaits() public {
        challenged();
        address[] memory members = draw();
        for (uint256 i; i < 3; ++i) {
            commit(members[i], RESULT, FUEL);
        }
        toReveals();
        for (uint256 i; i < 3; ++i) {
            reveal(members[i], RESULT, FUEL);
        }
        close();
        verdict(false, 0);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NoCase.selector, job));
        close();
    }

    function test_CaseIsClosedWithItsOwnTermsAlone() public {
        challenged();
        vote(0, 3);
        t.price += 1;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NoCase.selector, market.hashTerms(t)));
        close();
        t.price -= 1;
        d.fuel += 1;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotDelivered.selector, job));
        close();
    }

    /* VOTES */

    function test_ThreeAgainstAreGuilty() public {
        challenged();
        vote(0, 3);
        vm.expectEmit(address(court));
        emit EventsLib.Verdict(job, true, 0, 400e18, PRICE);
        close();
        verdict(true, 0);
    }

    function test_TwoAgainstAreNot() public {
        challenged();
        vote(0, 2);
        close();
        vm.assertFalse(theCase().closed);
        vm.assertEq(theCase().round, 1);
        assertState(JobState.Challenged);
    }

    function test_TwoForItAcquit() public {
        challenged();
        vote(2, 1);
        vm.expectEmit(address(court));
        emit EventsLib.Verdict(job, false, 0, 0, PRICE / 2);
        close();
        verdict(false, 0);
    }

    /// @dev Auditors that differ from each other too say nothing against the delivery.
    function test_DifferentAnswersAreNotGuilty() public {
        challenged();
        escalate();
        vm.assertFalse(theCase().closed);
        vm.assertEq(theCase().round, 1);
    }

    /// @dev The right result for another bill is a cheat's.
    function test_FuelIsJudgedWithTheResult() public {
        challenged();
        address[] memory members = draw();
        for (uint256 i; i < 3; ++i) {
            commit(members[i], RESULT, FUEL - 1);
        }
        toReveals();
        for (uint256 i; i < 3; ++i) {
            reveal(members[i], RESULT, FUEL - 1);
        }
        close();
        verdict(true, 0);
    }

    /// @dev For each outcome of each round: more than two thirds of the committee against, or a majority for it.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_RoundsAreDecidedByTheWholeCommittee(uint8 round, uint8 forIt, uint8 against) public {
        round %= 3;
        challenged();
        for (uint256 i; i < round; ++i) {
            escalate();
        }
        uint256 size = 3 + 2 * uint256(round);
        uint256 yes = forIt % (size + 1);
        uint256 no = against % (size + 1 - yes);
        vm.assertEq(vote(yes, no).length, size);
        close();
        if (no * 3 > size * 2) verdict(true, round);
        else if (yes * 2 > size || round == 2) verdict(false, round);
        else vm.assertEq(theCase().round, round + 1);
    }

    function escalate() private {
        disagree();
        close();
    }

    /// @dev A round of which nothing comes, though nobody is silent: all say different things.
    function disagree() private {
        address[] memory members = draw();
        for (uint64 i; i < members.length; ++i) {
            commit(members[i], OTHER, FUEL + i);
        }
        toReveals();
        for (uint64 i; i < members.length; ++i) {
            reveal(members[i], OTHER, FUEL + i);
        }
    }

    /* ROUNDS */

    function test_NextRoundBeginsAnew() public {
        challenged();
        address[] memory members = vote(1, 2);
        vm.expectEmit(address(court));
        emit EventsLib.SeedNamed(job, 1, uint40(block.number + 1));
        close();
        vm.assertEq(theCase().commitBy, 0);
        vm.assertEq(theCase().revealBy, 0);
        vm.assertEq(theCase().revealed, 0);
        vm.assertEq(theCase().most, 0);
        vm.assertEq(theCase().answer, 0);
        vm.assertEq(court.committee(job, 0).length, 3);
        vm.assertEq(court.committee(job, 1).length, 0);
        // Who sat before and sits again says something new.
        vm.assertEq(court.commitment(job, 1, members[0]), 0);
        vm.assertEq(vote(0, 4).length, 5);
        close();
        verdict(true, 1);
    }

    function test_ThirdCommitteeIsTheLast() public {
        challenged();
        escalate();
        escalate();
        vm.assertEq(theCase().round, 2);
        disagree();
        vm.expectEmit(address(court));
        emit EventsLib.Verdict(job, false, 2, 0, 0);
        close();
        verdict(false, 2);
        vm.assertEq(court.cleared(provider), 0);
        vm.assertEq(token.balanceOf(buyer), 900e18 + PRICE); // the bond: nobody could answer
    }

    /// @dev Three rounds drawn and closed at once fit in the time for a verdict with as much to spare.
    function test_ThreeRoundsFitInTheTime() public {
        challenged();
        for (uint256 i; i < 2; ++i) {
            vote(1, 0);
            enlistAll();
            close();
            enlistAll();
        }
        vote(0, 7);
        vm.assertLe(block.timestamp, theCase().verdictBy - 1 hours, "time");
        close();
        verdict(true, 2);
    }

    function enlistAll() private {
        for (uint256 i; i < AUDITORS; ++i) {
            enlist(auditor(i), 1);
        }
    }

    /* SILENCE */

    function test_SilentMembersLoseTheirSeats() public {
        challenged();
        address[] memory members = draw();
        commit(members[0], RESULT, FUEL);
        commit(members[1], RESULT, FUEL);
        commit(members[2], RESULT, FUEL);
        toReveals();
        reveal(members[0], RESULT, FUEL);
        reveal(members[1], RESULT, FUEL);
        toEndOfRound();
        close();
        vm.assertEq(court.seatsOf(members[0]), 1);
        vm.assertEq(court.seatsOf(members[1]), 1);
        vm.assertEq(court.seatsOf(members[2]), 0);
        vm.assertEq(court.seatCount(), AUDITORS - 1);
        vm.assertEq(court.earned(members[2]), 0);
        verdict(false, 0);
    }

    function test_MemberThatLeftMeanwhileLosesNothing() public {
        challenged();
        address[] memory members = draw();
        enlist(members[0], 0);
        toEndOfRound();
        close();
        vm.assertEq(court.seatCount(), AUDITORS - 3);
    }

    /* TIME */

    /// @dev I15: no verdict, no fault on either side.
    function test_NoVerdictInTimeAcquits() public {
        challenged();
        vm.warp(theCase().verdictBy - 1);
        expectWrongPhase();
        close();
        vm.warp(theCase().verdictBy);
        vm.expectEmit(address(court));
        emit EventsLib.Verdict(job, false, 0, 0, 0);
        close();
        verdict(false, 0);
        vm.assertEq(stake.bonded(provider), 50_000e18);
        vm.assertEq(market.free(provider), net(4e18));
        vm.assertEq(market.free(buyer), 86e18); // 100 - 4 paid - 10 put up, which came back to his account
        vm.assertEq(token.balanceOf(buyer), 900e18 + PRICE);
    }

    function test_CommitteeDrawnTooLateDecidesNothing() public {
        challenged();
        vm.warp(theCase().verdictBy - 1);
        address[] memory members = draw();
        commit(members[0], OTHER, FUEL);
        vm.warp(theCase().verdictBy);
        close();
        verdict(false, 0);
        vm.assertEq(court.seatsOf(members[1]), 1); // and nobody was silent yet
    }

    /// @dev A verdict that was reached in time is given though somebody held it back.
    function test_VerdictThatWaitedCounts() public {
        challenged();
        vote(0, 3);
        vm.warp(theCase().verdictBy + 1 hours);
        close();
        verdict(true, 0);
    }

    function test_UndecidedRoundAfterTheTimeAcquits() public {
        challenged();
        vote(0, 2);
        vm.warp(theCase().verdictBy);
        close();
        verdict(false, 0);
    }

    /// @dev The market does not wait for ever, and the case is closed all the same: with its bond given back.
    function test_JobThatTheMarketEndedGivesTheBondBack() public {
        challenged();
        vm.warp(block.timestamp + 3 days);
        vm.prank(other);
        market.finalize(t, d);
        assertState(JobState.Settled);
        vm.assertEq(token.balanceOf(buyer), 900e18);
        close();
        vm.assertTrue(theCase().closed);
        vm.assertEq(token.balanceOf(buyer), 900e18 + PRICE);
        vm.assertEq(market.free(address(court)), 0);
        vm.assertEq(market.free(provider), net(4e18));
    }

    /// @dev A guilty verdict held back until the market paid comes too late to slash; its auditors are paid.
    function test_GuiltyVerdictAfterTheMarketEndedTheJobSlashesNothing() public {
        challenged();
        address[] memory members = vote(0, 3);
        vm.warp(block.timestamp + 3 days);
        market.finalize(t, d);
        close();
        assertState(JobState.Settled);
        vm.assertEq(stake.bonded(provider), 50_000e18);
        vm.assertEq(court.earned(members[0]), PRICE);
        vm.assertEq(token.balanceOf(buyer), 900e18 + PRICE);
        vm.assertEq(court.cleared(provider), 0);
    }

    /// @dev The longest times there may be end when the market's patience does.
    function test_LongestCaseEndsWithTheMarketsPatience() public {
        CourtParameters memory p = courtParameters();
        (p.commitTime, p.revealTime) = (6 hours, 6 hours);
        vm.prank(timelock);
        court.setParameters(p);
        challenged();
        vm.assertEq(theCase().verdictBy, block.timestamp + 3 days);
    }
}
