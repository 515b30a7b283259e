// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {GovernorTest, Proposal} from "../governor/GovernorTest.sol";

/// @notice What governing costs, with the 21,000 and the calldata of a transaction.
/// forge-config: default.isolate = true
contract GovernorGasTest is GovernorTest {
    function test_FromProposalToEffect() public {
        Proposal memory p = turning(7);
        uint256 id = propose(anna, p);
        vm.assertLe(vm.snapshotGasLastCall("propose"), 85_000, "propose");

        toVoting(id);
        vote(anna, id, FOR);
        vm.assertLe(vm.snapshotGasLastCall("castVote, first"), 86_000, "castVote, first");
        vote(ben, id, FOR);
        vm.assertLe(vm.snapshotGasLastCall("castVote"), 86_000, "castVote");

        toEnd(id);
        queue(p);
        vm.snapshotGasLastCall("queue");
        toEta(id);
        execute(p);
        vm.snapshotGasLastCall("execute");
    }

    function test_TheQuorumInTheLastMinute() public {
        uint256 id = propose(anna, turning(7));
        vm.warp(governor.proposalDeadline(id));
        vote(anna, id, FOR);
        vm.snapshotGasLastCall("castVote, extends");
    }
}
