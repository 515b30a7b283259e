// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {JobState} from "../../../../contracts/interfaces/IFogMarket.sol";
import {vm} from "../Vm.sol";
import {CourtTest} from "../court/CourtTest.sol";

/// @notice A jury that decides once all its members have revealed.
contract PatientJury {
    uint256 public immutable size;
    mapping(bytes32 answer => uint256) public votes;
    uint256 public revealed;

    constructor(uint256 size_) {
        size = size_;
    }

    function reveal(bytes32 answer) external {
        ++votes[answer];
        ++revealed;
    }

    function verdict(bytes32 answer) external view returns (bool) {
        require(revealed == size, "someone is silent");
        return votes[answer] * 2 > size;
    }
}

/// @notice A member that sees the others' answers, and that it would lose, reveals nothing.
contract RevealWithholdingTest is CourtTest {
    function test_Proof_OneSilentMemberHoldsUpTheVerdict() public {
        PatientJury naive = new PatientJury(3);
        naive.reveal(RESULT);
        naive.reveal(RESULT);
        vm.warp(block.timestamp + 365 days);
        vm.expectRevert();
        naive.verdict(RESULT);
    }

    /// @dev Two of three for the delivery are enough; who was silent has no seats any more.
    function test_Fix_SilenceAcquitsAllTheSameAndCostsTheSeats() public {
        challenged();
        address[] memory members = vote(2, 0);
        close();
        assertState(JobState.Settled);
        vm.assertEq(court.seatsOf(members[2]), 0);
        vm.assertEq(court.seatsOf(members[0]), 1);
        vm.assertEq(court.earned(members[2]), 0);
    }

    /// @dev A cheat's friend in each committee puts the verdict off by a round, and is gone from the next.
    function test_Fix_SilenceOnlyPutsAVerdictOff() public {
        challenged();
        address[] memory members = vote(0, 2);
        close();
        assertState(JobState.Challenged);
        vm.assertEq(court.seatsOf(members[2]), 0);
        members = vote(0, 4);
        vm.assertEq(members.length, 5);
        close();
        assertState(JobState.Slashed);
    }

    /// @dev However long all are silent: the case ends, and nobody is slashed.
    function test_Fix_SilenceOfAllAcquits() public {
        challenged();
        vm.warp(theCase().verdictBy);
        close();
        assertState(JobState.Settled);
        vm.assertEq(stake.bonded(provider), 50_000e18);
        vm.assertEq(token.balanceOf(buyer), 900e18 + PRICE); // his bond
    }
}
