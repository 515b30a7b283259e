// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {CourtTest} from "./CourtTest.sol";

contract RevealTest is CourtTest {
    address[] private members;

    function setUp() public override {
        super.setUp();
        challenged();
        members = draw();
    }

    function expectWrongPhase() private {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.WrongPhase.selector, job));
    }

    function expectNotCommitted(address member) private {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotCommitted.selector, court.commitment(job, 0, member)));
    }

    function test_MemberRevealsOnce() public {
        commit(members[0], RESULT, FUEL);
        toReveals();
        vm.expectEmit(address(court));
        emit EventsLib.Revealed(job, 0, members[0], RESULT, FUEL);
        reveal(members[0], RESULT, FUEL);
        vm.assertEq(theCase().revealed, 1);
        vm.assertEq(theCase().most, 1);
        vm.assertEq(theCase().answer, keccak256(abi.encode(RESULT, FUEL)));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotAsked.selector, members[0]));
        reveal(members[0], RESULT, FUEL);
    }

    function test_SomethingElseThanCommittedIsRefused() public {
        commit(members[0], RESULT, FUEL);
        toReveals();
        expectNotCommitted(members[0]);
        reveal(members[0], OTHER, FUEL);
        expectNotCommitted(members[0]);
        reveal(members[0], RESULT, FUEL + 1);
        expectNotCommitted(members[0]);
        vm.prank(members[0]);
        court.reveal(job, RESULT, FUEL, bytes32(uint256(SALT) + 1));
    }

    /// @dev The salt is of no use to another, nor with another job: who copies a commitment can never open it.
    function test_CopyOfAnothersCommitmentIsWorthless() public {
        commit(members[0], RESULT, FUEL);
        bytes32 copied = court.commitment(job, 0, members[0]);
        vm.prank(members[1]);
        court.commit(job, copied);
        toReveals();
        reveal(members[0], RESULT, FUEL);
        expectNotCommitted(members[1]);
        reveal(members[1], RESULT, FUEL);
        vm.assertEq(theCase().most, 1);
    }

    function test_CommitmentsAreBoundToEveryPart() public view {
        bytes32 mine = court.hashCommitment(job, members[0], RESULT, FUEL, SALT);
        vm.assertEq(mine, keccak256(abi.encode(job, members[0], RESULT, FUEL, SALT)));
        vm.assertTrue(mine != court.hashCommitment(JOB, members[0], RESULT, FUEL, SALT));
        vm.assertTrue(mine != court.hashCommitment(job, members[1], RESULT, FUEL, SALT));
        vm.assertTrue(mine != court.hashCommitment(job, members[0], OTHER, FUEL, SALT));
        vm.assertTrue(mine != court.hashCommitment(job, members[0], RESULT, FUEL - 1, SALT));
        vm.assertTrue(mine != court.hashCommitment(job, members[0], RESULT, FUEL, 0));
    }

    function test_WhoDidNotCommitIsRefused() public {
        toReveals();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotAsked.selector, members[0]));
        reveal(members[0], RESULT, FUEL);
    }

    function test_EarlyIsRefused() public {
        commit(members[0], RESULT, FUEL);
        vm.warp(theCase().commitBy - 1);
        expectWrongPhase();
        reveal(members[0], RESULT, FUEL);
    }

    /// @dev I14.
    function test_LateIsRefused() public {
        commit(members[0], RESULT, FUEL);
        commit(members[1], RESULT, FUEL);
        vm.warp(theCase().revealBy - 1);
        reveal(members[0], RESULT, FUEL);
        vm.warp(theCase().revealBy);
        expectWrongPhase();
        reveal(members[1], RESULT, FUEL);
        vm.assertEq(theCase().revealed, 1);
    }

    /// @dev The bill is judged with the answer: the same result with other fuel is another answer.
    function test_FuelIsPartOfTheAnswer() public {
        commit(members[0], RESULT, FUEL);
        commit(members[1], RESULT, FUEL - 1);
        commit(members[2], RESULT, FUEL - 1);
        toReveals();
        reveal(members[0], RESULT, FUEL);
        reveal(members[1], RESULT, FUEL - 1);
        reveal(members[2], RESULT, FUEL - 1);
        vm.assertEq(theCase().revealed, 3);
        vm.assertEq(theCase().most, 2);
        vm.assertEq(theCase().answer, keccak256(abi.encode(RESULT, FUEL - 1)));
    }

    function test_BeforeTheDrawOfTheNextRoundIsRefused() public {
        toEndOfRound();
        close();
        expectWrongPhase();
        reveal(members[0], RESULT, FUEL);
    }
}
