// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {vm} from "../Vm.sol";
import {GovernorTest, Proposal} from "./GovernorTest.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

contract CancelTest is GovernorTest {
    function expectUnable(uint256 id, address caller) private {
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorUnableToCancel.selector, id, caller));
    }

    /* PROPOSER */

    function test_TheProposerMayUntilTheSnapshot() public {
        Proposal memory p = turning(7);
        uint256 id = propose(anna, p);
        vm.warp(governor.proposalSnapshot(id));
        cancel(anna, p);
        assertState(id, IGovernor.ProposalState.Canceled);
    }

    function test_TheProposerMayNotOnceVotingHasBegun() public {
        Proposal memory p = turning(7);
        uint256 id = propose(anna, p);
        toVoting(id);
        expectUnable(id, anna);
        cancel(anna, p);
    }

    function test_NobodyElseMay() public {
        Proposal memory p = turning(7);
        uint256 id = propose(anna, p);
        expectUnable(id, ben);
        cancel(ben, p);
    }

    /* GUARDIAN */

    function test_TheGuardianMayWhileItWaits() public {
        Proposal memory p = turning(7);
        uint256 id = propose(anna, p);
        cancel(guardian, p);
        assertState(id, IGovernor.ProposalState.Canceled);
    }

    function test_TheGuardianMayWhileItIsVoted() public {
        Proposal memory p = turning(7);
        uint256 id = propose(anna, p);
        toVoting(id);
        vote(anna, id, FOR);
        cancel(guardian, p);
        assertState(id, IGovernor.ProposalState.Canceled);
        expectUnexpectedState(id, IGovernor.ProposalState.Canceled, IGovernor.ProposalState.Active);
        vote(ben, id, FOR);
    }

    function test_TheGuardianMayWhileItIsQueuedAndTheTimelockForgetsIt() public {
        Proposal memory p = turning(7);
        uint256 id = pass(p);
        queue(p);
        toEta(id);
        cancel(guardian, p);
        assertState(id, IGovernor.ProposalState.Canceled);
        expectUnexpectedState(id, IGovernor.ProposalState.Canceled, IGovernor.ProposalState.Queued);
        execute(p);
        bytes32 salt = bytes20(address(governor)) ^ keccak256("Because");
        vm.expectRevert();
        timelock.executeBatch(p.targets, p.values, p.calldatas, 0, salt);
        vm.assertEq(dial.position(), 0);
    }

    function test_TheGuardianMayNotOnceItIsExecuted() public {
        Proposal memory p = turning(7);
        carryOut(p);
        vm.expectRevert();
        cancel(guardian, p);
    }

    function test_TheGuardianIsNobodyAfterAYear() public {
        uint40 until = governor.guardianUntil();
        vm.warp(until - 1);
        Proposal memory p = turning(7);
        uint256 id = propose(anna, p);
        cancel(guardian, p);
        assertState(id, IGovernor.ProposalState.Canceled);

        p = turning(8);
        id = propose(anna, p);
        vm.warp(until);
        expectUnable(id, guardian);
        cancel(guardian, p);
    }

    /// @dev Everything else that it can be asked, or that the timelock can.
    function test_TheGuardianMayNothingElse() public {
        Proposal memory p = turning(7);
        vm.expectRevert(
            abi.encodeWithSelector(IGovernor.GovernorInsufficientProposerVotes.selector, guardian, 0, 250_000e18)
        );
        propose(guardian, p);

        bytes memory refusal = abi.encodeWithSelector(IGovernor.GovernorOnlyExecutor.selector, guardian);
        vm.startPrank(guardian);
        vm.expectRevert(refusal);
        governor.setVotingDelay(1 days);
        vm.expectRevert(refusal);
        governor.setVotingPeriod(5 days);
        vm.expectRevert(refusal);
        governor.setProposalThreshold(50);
        vm.expectRevert(refusal);
        governor.updateQuorumNumerator(400);
        vm.expectRevert(refusal);
        governor.relay(address(dial), 0, p.calldatas[0]);
        vm.expectRevert();
        timelock.schedule(address(dial), 0, p.calldatas[0], 0, 0, 2 days);
        vm.expectRevert();
        timelock.cancel(bytes32(0));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotTimelock.selector, guardian));
        dial.turn(7);
        vm.stopPrank();
    }

    /// @dev A vote with no weight is what anyone has.
    function test_TheGuardianHasNoVote() public {
        uint256 id = propose(anna, turning(7));
        toVoting(id);
        vote(guardian, id, AGAINST);
        (uint256 against,,) = governor.proposalVotes(id);
        vm.assertEq(against, 0);
    }
}
