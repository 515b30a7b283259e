// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {vm} from "../Vm.sol";
import {CourtTest} from "../court/CourtTest.sol";

/// @notice Commitments to an answer and a salt, without a name.
contract NamelessCommitments {
    mapping(address member => bytes32) private commitments;
    mapping(address member => bytes32) public answers;

    function commit(bytes32 commitment) external {
        commitments[msg.sender] = commitment;
    }

    function reveal(bytes32 answer, bytes32 salt) external {
        require(keccak256(abi.encode(answer, salt)) == commitments[msg.sender], "not committed");
        answers[msg.sender] = answer;
    }
}

/// @notice An auditor runs nothing, commits to what another committed to, and reveals what the other revealed.
contract CopiedCommitmentTest is CourtTest {
    function test_Proof_CopyIsAsGoodAsTheWork() public {
        NamelessCommitments naive = new NamelessCommitments();
        bytes32 commitment = keccak256(abi.encode(RESULT, SALT));
        vm.prank(auditor(0));
        naive.commit(commitment);
        vm.prank(auditor(1));
        naive.commit(commitment);
        vm.prank(auditor(0));
        naive.reveal(RESULT, SALT);
        vm.prank(auditor(1));
        naive.reveal(RESULT, SALT);
        vm.assertEq(naive.answers(auditor(1)), RESULT);
    }

    function test_Fix_CopyCantBeRevealed() public {
        challenged();
        address[] memory members = draw();
        bytes32 commitment = court.hashCommitment(job, members[0], RESULT, FUEL, SALT);
        vm.prank(members[0]);
        court.commit(job, commitment);
        vm.prank(members[1]);
        court.commit(job, commitment);
        commit(members[2], RESULT, FUEL);
        toReveals();
        reveal(members[0], RESULT, FUEL);
        reveal(members[2], RESULT, FUEL);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotCommitted.selector, commitment));
        reveal(members[1], RESULT, FUEL);
        toEndOfRound();
        close();
        vm.assertEq(court.earned(members[1]), 0);
        vm.assertEq(court.seatsOf(members[1]), 0);
        vm.assertEq(court.earned(members[0]), PRICE / 2);
    }

    /// @dev Nor can a commitment of one case be used in another, or one's own in a later round.
    function testFuzz_Fix_CommitmentIsOfOneCaseAndMember(bytes32 case_, address member) public view {
        vm.assume(case_ != JOB || member != other);
        vm.assertTrue(
            court.hashCommitment(JOB, other, RESULT, FUEL, SALT)
                != court.hashCommitment(case_, member, RESULT, FUEL, SALT)
        );
    }
}
