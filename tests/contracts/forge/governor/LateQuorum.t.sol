// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {bound, vm} from "../Vm.sol";
import {PlainGovernor} from "../mocks/PlainGovernor.sol";
import {GovernorTest, Proposal} from "./GovernorTest.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {GovernorPreventLateQuorum} from "@openzeppelin/contracts/governance/extensions/GovernorPreventLateQuorum.sol";

/// @notice Whoever brings the quorum in the last minute leaves the others a day to answer.
contract LateQuorumTest is GovernorTest {
    uint256 private id;
    uint256 private deadline;

    function setUp() public override {
        super.setUp();
        id = propose(anna, turning(7));
        deadline = governor.proposalDeadline(id);
    }

    function test_AtTheLastSecondItAddsADay() public {
        vm.warp(deadline);
        vm.expectEmit(address(governor));
        emit GovernorPreventLateQuorum.ProposalExtended(id, uint64(deadline + 1 days));
        vote(carol, id, FOR);
        vm.assertEq(governor.proposalDeadline(id), deadline + 1 days);

        vm.warp(deadline + 1 days);
        vote(ben, id, AGAINST);
        toEnd(id);
        assertState(id, IGovernor.ProposalState.Defeated);
    }

    function test_LaterVotesAddNothingMore() public {
        vm.warp(deadline);
        vote(carol, id, FOR);
        vm.warp(deadline + 1 hours);
        vote(ben, id, FOR);
        vm.assertEq(governor.proposalDeadline(id), deadline + 1 days);
    }

    function test_MoreThanADayBeforeItAddsNothingNeitherThenNorLater() public {
        vm.warp(deadline - 1 days);
        vote(carol, id, FOR);
        vm.assertEq(governor.proposalDeadline(id), deadline);
        vm.warp(deadline);
        vote(ben, id, FOR);
        vm.assertEq(governor.proposalDeadline(id), deadline);
    }

    function test_VotesBelowTheQuorumAddNothing() public {
        vm.warp(deadline);
        vote(dora, id, FOR);
        vote(ben, id, AGAINST);
        vm.assertEq(governor.proposalDeadline(id), deadline);
    }

    /// @dev The governor asks for the quorum more seldom than OpenZeppelin's, and must come to the same.
    function test_DeadlinesAreThoseOfThePlainGovernor(uint256[4] memory times, uint8[4] memory answers) public {
        PlainGovernor plain = new PlainGovernor(stake);
        Proposal memory p = turning(7);
        plain.propose(p.targets, p.values, p.calldatas, p.description);
        vm.assertEq(plain.proposalDeadline(id), deadline);

        address[4] memory voters = [dora, ben, carol, anna];
        toVoting(id);
        for (uint256 i; i < 4; ++i) {
            // Mostly in the last two days, where it matters.
            uint256 end = governor.proposalDeadline(id);
            uint256 from = times[i] % 4 == 0 ? block.timestamp : end - 2 days;
            vm.warp(bound(times[i], from > block.timestamp ? from : block.timestamp, end));
            vote(voters[i], id, answers[i] % 3);
            vm.prank(voters[i]);
            plain.castVote(id, answers[i] % 3);
            vm.assertEq(governor.proposalDeadline(id), plain.proposalDeadline(id));
        }
    }
}
