// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {GovernorTest} from "./GovernorTest.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

contract CastVoteTest is GovernorTest {
    uint256 private id;

    function setUp() public override {
        super.setUp();
        id = propose(anna, turning(7));
    }

    function assertVotes(uint256 against, uint256 inFavour, uint256 abstaining) private view {
        (uint256 a, uint256 f, uint256 n) = governor.proposalVotes(id);
        vm.assertEq(a, against, "against");
        vm.assertEq(f, inFavour, "for");
        vm.assertEq(n, abstaining, "abstain");
    }

    function test_EachVoteHasTheWeightOfItsBond() public {
        toVoting(id);
        vm.expectEmit(address(governor));
        emit IGovernor.VoteCast(ben, id, AGAINST, 2_500_000e18, "");
        vote(ben, id, AGAINST);
        vote(carol, id, FOR);
        vote(dora, id, ABSTAIN);
        assertVotes(2_500_000e18, 2_000_000e18, 249_999e18);
        vm.assertTrue(governor.hasVoted(id, ben));
        vm.assertFalse(governor.hasVoted(id, anna));
    }

    function test_BeforeTheSnapshotIsTooEarly() public {
        vm.warp(governor.proposalSnapshot(id));
        expectUnexpectedState(id, IGovernor.ProposalState.Pending, IGovernor.ProposalState.Active);
        vote(ben, id, FOR);
    }

    function test_TheLastSecondCountsAndTheNextDoesNot() public {
        vm.warp(governor.proposalDeadline(id));
        vote(ben, id, FOR);
        toEnd(id);
        expectUnexpectedState(id, IGovernor.ProposalState.Succeeded, IGovernor.ProposalState.Active);
        vote(carol, id, FOR);
    }

    function test_OnceIsEnough() public {
        toVoting(id);
        vote(ben, id, FOR);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorAlreadyCastVote.selector, ben));
        vote(ben, id, AGAINST);
    }

    function test_AnAnswerThatIsNoneIsRefused() public {
        toVoting(id);
        vm.expectRevert(IGovernor.GovernorInvalidVoteType.selector);
        vote(ben, id, 3);
    }

    /// @dev Borrowed, bonded, voted and given back in one block: the snapshot lies before.
    function test_BorrowedTokensHaveNoVote() public {
        toVoting(id);
        give(nobody, 500_000_000e18);
        vm.startPrank(nobody);
        stake.bond(500_000_000e18);
        stake.delegate(nobody);
        governor.castVote(id, AGAINST);
        stake.unbond(500_000_000e18);
        vm.stopPrank();
        assertVotes(0, 0, 0);
    }

    function test_BondedAfterTheSnapshotHasNoVote() public {
        toVoting(id);
        bond(nobody, 10_000_000e18);
        vm.warp(block.timestamp + 1 days);
        vote(nobody, id, AGAINST);
        assertVotes(0, 0, 0);
    }

    function test_BondedBeforeTheSnapshotHas() public {
        bond(nobody, 10_000_000e18);
        toVoting(id);
        vote(nobody, id, AGAINST);
        assertVotes(10_000_000e18, 0, 0);
    }

    function test_UnbondedAfterTheSnapshotStillVotes() public {
        toVoting(id);
        vm.startPrank(ben);
        stake.unbond(2_500_000e18);
        governor.castVote(id, FOR);
        vm.stopPrank();
        assertVotes(0, 2_500_000e18, 0);
    }

    function test_ADelegateVotesForTheOwnerWhoThenDoesNot() public {
        vm.prank(ben);
        stake.delegate(carol);
        toVoting(id);
        vote(carol, id, FOR);
        vote(ben, id, AGAINST);
        assertVotes(0, 4_500_000e18, 0);
    }

    function test_DelegatingAfterTheSnapshotMovesNothing() public {
        toVoting(id);
        vm.prank(ben);
        stake.delegate(carol);
        vote(carol, id, FOR);
        vote(ben, id, AGAINST);
        assertVotes(2_500_000e18, 2_000_000e18, 0);
    }

    function test_AReasonIsReported() public {
        toVoting(id);
        vm.expectEmit(address(governor));
        emit IGovernor.VoteCast(ben, id, FOR, 2_500_000e18, "It is time");
        vm.prank(ben);
        governor.castVoteWithReason(id, FOR, "It is time");
    }

    function test_NoSuchProposalIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorNonexistentProposal.selector, 42));
        vote(ben, 42, FOR);
    }
}
