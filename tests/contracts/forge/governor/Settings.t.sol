// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {bound, vm} from "../Vm.sol";
import {GovernorTest, Proposal} from "./GovernorTest.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";

/// @notice What a vote may set on the governor itself: each thing between a fourth and four times of what it was.
contract SettingsTest is GovernorTest {
    function setting(bytes memory data) private {
        carryOut(calling(address(governor), data));
    }

    function refused(bytes32 name, uint256 value, bytes memory data) private {
        bytes memory reason = abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, name, value);
        Proposal memory p = calling(address(governor), data);
        uint256 id = pass(p);
        queue(p);
        toEta(id);
        vm.expectRevert(reason);
        execute(p);
    }

    function test_VotingDelay(uint48 to) public {
        to = uint48(bound(to, 6 hours, 4 days));
        setting(abi.encodeCall(governor.setVotingDelay, (to)));
        vm.assertEq(governor.votingDelay(), to);
        uint256 id = propose(anna, turning(7));
        vm.assertEq(governor.proposalSnapshot(id), block.timestamp + to);
    }

    function test_VotingDelayBounds() public {
        refused("votingDelay", 6 hours - 1, abi.encodeCall(governor.setVotingDelay, (6 hours - 1)));
        refused("votingDelay", 4 days + 1, abi.encodeCall(governor.setVotingDelay, (4 days + 1)));
    }

    function test_VotingPeriod(uint32 to) public {
        to = uint32(bound(to, 30 hours, 20 days));
        setting(abi.encodeCall(governor.setVotingPeriod, (to)));
        uint256 id = propose(anna, turning(7));
        vm.assertEq(governor.proposalDeadline(id), governor.proposalSnapshot(id) + to);
    }

    function test_VotingPeriodBounds() public {
        refused("votingPeriod", 30 hours - 1, abi.encodeCall(governor.setVotingPeriod, (30 hours - 1)));
        refused("votingPeriod", 20 days + 1, abi.encodeCall(governor.setVotingPeriod, (20 days + 1)));
    }

    function test_ANewPeriodIsNotThatOfOpenProposals() public {
        Proposal memory p = calling(address(governor), abi.encodeCall(governor.setVotingPeriod, (20 days)));
        uint256 id = pass(p);
        queue(p);
        toEta(id);
        uint256 open = propose(ben, turning(7));
        uint256 deadline = governor.proposalDeadline(open);
        execute(p);
        vm.assertEq(governor.proposalDeadline(open), deadline);
    }

    function test_Threshold() public {
        setting(abi.encodeCall(governor.setProposalThreshold, (200)));
        vm.assertEq(governor.proposalThresholdBps(), 200);
        vm.assertEq(governor.proposalThreshold(), 1_000_000e18);
    }

    function test_ThresholdBounds() public {
        refused("thresholdBps", 11, abi.encodeCall(governor.setProposalThreshold, (11)));
        refused("thresholdBps", 201, abi.encodeCall(governor.setProposalThreshold, (201)));
        refused("thresholdBps", 250_000e18, abi.encodeCall(governor.setProposalThreshold, (250_000e18)));
    }

    function test_Quorum() public {
        setting(abi.encodeCall(governor.updateQuorumNumerator, (100)));
        vm.assertEq(governor.quorumNumerator(), 100);
    }

    function test_QuorumBounds() public {
        refused("quorumBps", 99, abi.encodeCall(governor.updateQuorumNumerator, (99)));
        refused("quorumBps", 1601, abi.encodeCall(governor.updateQuorumNumerator, (1601)));
    }

    /// @dev However small the profile, nothing becomes zero.
    function test_NothingIsSetToZero() public {
        refused("votingDelay", 0, abi.encodeCall(governor.setVotingDelay, (0)));
        refused("thresholdBps", 0, abi.encodeCall(governor.setProposalThreshold, (0)));
    }

    /// @dev It counts from what was deployed, so small steps lead no farther than a great one.
    function test_BoundsDoNotMoveWithTheSettings() public {
        setting(abi.encodeCall(governor.setVotingDelay, (4 days)));
        refused("votingDelay", 5 days, abi.encodeCall(governor.setVotingDelay, (5 days)));
    }

    function fixed_(bytes memory data) private {
        Proposal memory p = calling(address(governor), data);
        uint256 id = pass(p);
        queue(p);
        toEta(id);
        vm.expectRevert(ErrorsLib.Fixed.selector);
        execute(p);
    }

    function test_TheTimelockIsForEver() public {
        fixed_(abi.encodeCall(governor.updateTimelock, (TimelockController(payable(anna)))));
        vm.assertEq(governor.timelock(), address(timelock));
    }

    function test_TheLateExtensionIsForEver() public {
        fixed_(abi.encodeCall(governor.setLateQuorumVoteExtension, (1 hours)));
        vm.assertEq(governor.lateQuorumVoteExtension(), 1 days);
    }

    function test_ItTakesAVote() public {
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorOnlyExecutor.selector, anna));
        vm.prank(anna);
        governor.setVotingDelay(2 days);
    }

    /// @dev Even the timelock can do it only while the governor has it executed.
    function test_ItTakesTheGovernorsOwnExecution() public {
        Proposal memory p = calling(address(governor), abi.encodeCall(governor.setVotingDelay, (2 days)));
        uint256 id = pass(p);
        queue(p);
        toEta(id);
        vm.expectRevert();
        timelock.executeBatch(p.targets, p.values, p.calldatas, 0, bytes20(address(governor)) ^ keccak256("Because"));
        execute(p);
        vm.assertEq(governor.votingDelay(), 2 days);
    }
}
