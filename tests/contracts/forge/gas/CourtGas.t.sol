// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {CourtTest} from "../court/CourtTest.sol";

/// @notice What a case costs, with the 21,000 and calldata of each transaction. Kept in snapshots/CourtGasTest.json;
/// `make lint` compares.
/// forge-config: default.isolate = true
contract CourtGasTest is CourtTest {
    function test_Enlist() public {
        bond(other, 10 * SEAT);
        enlist(other, 1);
        vm.snapshotGasLastCall("enlist, first seat");
        enlist(other, 10);
        vm.snapshotGasLastCall("enlist, nine more");
        enlist(other, 0);
        vm.snapshotGasLastCall("enlist, ten seats back");
    }

    function test_Challenge() public {
        delivered();
        challenge();
        vm.snapshotGasLastCall("challenge");
    }

    function test_Audit() public {
        audited();
        vm.snapshotGasLastCall("audit");
    }

    function test_CaseOfThree() public {
        challenged();
        pass(2);
        court.draw(job);
        vm.snapshotGasLastCall("draw of 3");
        address[] memory members = committee();
        for (uint256 i; i < 3; ++i) {
            commit(members[i], OTHER, FUEL);
        }
        vm.snapshotGasLastCall("commit");
        toReveals();
        reveal(members[0], OTHER, FUEL);
        vm.snapshotGasLastCall("reveal, first");
        reveal(members[1], OTHER, FUEL);
        reveal(members[2], OTHER, FUEL);
        vm.snapshotGasLastCall("reveal");
        close();
        vm.snapshotGasLastCall("close, guilty");
        vm.prank(members[0]);
        court.collect();
        vm.snapshotGasLastCall("collect");
    }

    function test_AcquittalOfThree() public {
        challenged();
        vote(3, 0);
        close();
        vm.snapshotGasLastCall("close, acquitted");
    }

    function test_SilenceOfThree() public {
        challenged();
        vote(0, 0);
        close();
        vm.snapshotGasLastCall("close, three silent, next round");
    }
}
