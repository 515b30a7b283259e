// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {CourtTest} from "./CourtTest.sol";

contract CommitTest is CourtTest {
    address[] private members;

    function setUp() public override {
        super.setUp();
        challenged();
    }

    function wrongPhase() private view returns (bytes memory) {
        return abi.encodeWithSelector(ErrorsLib.WrongPhase.selector, job);
    }

    function test_MemberCommitsOnce() public {
        members = draw();
        vm.expectEmit(address(court));
        emit EventsLib.Committed(job, 0, members[0], SALT);
        vm.prank(members[0]);
        court.commit(job, SALT);
        vm.assertEq(court.commitment(job, 0, members[0]), SALT);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotAsked.selector, members[0]));
        vm.prank(members[0]);
        court.commit(job, JOB);
    }

    function test_OnlyMembersMay() public {
        members = draw();
        for (uint256 i; i < AUDITORS; ++i) {
            address a = auditor(i);
            if (a == members[0] || a == members[1] || a == members[2]) continue;
            vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotAsked.selector, a));
            vm.prank(a);
            court.commit(job, SALT);
        }
    }

    function test_NothingIsRefused() public {
        members = draw();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotAsked.selector, members[0]));
        vm.prank(members[0]);
        court.commit(job, 0);
    }

    function test_BeforeTheDrawIsRefused() public {
        vm.expectRevert(wrongPhase());
        vm.prank(auditor(0));
        court.commit(job, SALT);
    }

    function test_LateIsRefused() public {
        members = draw();
        vm.warp(theCase().commitBy - 1);
        vm.prank(members[0]);
        court.commit(job, SALT);
        vm.warp(theCase().commitBy);
        vm.expectRevert(wrongPhase());
        vm.prank(members[1]);
        court.commit(job, SALT);
    }

    function test_MemberOfAnEarlierCommitteeIsNotOfThis() public {
        address[] memory first = vote(0, 0);
        close();
        // The three lost their seats by silence; five others sit now.
        draw();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotAsked.selector, first[0]));
        vm.prank(first[0]);
        court.commit(job, SALT);
    }
}
