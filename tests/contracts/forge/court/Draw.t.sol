// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {CourtTest} from "./CourtTest.sol";

contract DrawTest is CourtTest {
    function wrongPhase() private view returns (bytes memory) {
        return abi.encodeWithSelector(ErrorsLib.WrongPhase.selector, job);
    }

    function test_CommitteeHasItsTimes() public {
        challenged();
        address[] memory members = draw();
        vm.assertEq(members.length, 3);
        vm.assertEq(theCase().commitBy, block.timestamp + 10 minutes);
        vm.assertEq(theCase().revealBy, block.timestamp + 20 minutes);
        vm.expectRevert(wrongPhase());
        court.draw(job);
    }

    function test_BeforeTheSeedIsKnownIsRefused() public {
        challenged();
        vm.expectRevert(wrongPhase());
        court.draw(job);
        pass(1);
        vm.expectRevert(wrongPhase());
        court.draw(job);
        pass(1);
        vm.expectEmit(address(court));
        emit EventsLib.CommitteeDrawn(
            job,
            0,
            expected(blockhash(block.number - 1)),
            uint40(block.timestamp + 10 minutes),
            uint40(block.timestamp + 20 minutes)
        );
        court.draw(job);
    }

    /// @dev The rule by itself: seats by hash, the same person once. Auditor i has seat i.
    function expected(bytes32 seed) private view returns (address[] memory members) {
        members = new address[](3);
        bytes32 lot = keccak256(abi.encode(seed, job, uint8(0)));
        uint256 found;
        for (uint256 i; found < 3; ++i) {
            address next = auditor(uint256(keccak256(abi.encode(lot, i))) % AUDITORS);
            if (next == members[0] || next == members[1]) continue;
            members[found++] = next;
        }
    }

    function test_SeedTooOldIsReplaced() public {
        challenged();
        pass(258);
        vm.expectEmit(address(court));
        emit EventsLib.SeedNamed(job, 0, uint40(block.number + 1));
        court.draw(job);
        vm.assertEq(theCase().commitBy, 0);
        vm.expectRevert(wrongPhase());
        court.draw(job);
        vm.assertEq(draw().length, 3);
    }

    function test_TooFewAuditorsAreWaitedFor() public {
        for (uint256 i = 2; i < AUDITORS; ++i) {
            enlist(auditor(i), 0);
        }
        challenged();
        vm.assertEq(draw().length, 0);
        vm.assertEq(theCase().seedBlock, block.number + 1);
        // More seats of the same two do not help, nor those of the parties.
        bond(auditor(0), 2 * SEAT);
        enlist(auditor(0), 3);
        enlist(provider, 3);
        vm.assertEq(draw().length, 0);
        enlist(auditor(2), 1);
        vm.assertEq(draw().length, 3);
    }

    /// @dev I13: distinct, none a party, all covered, whatever the hash says and whoever has seats.
    function testFuzz_MembersAreDistinctAndApart(bytes32 seed, uint8 gone) public {
        vm.assume(seed != 0);
        enlist(provider, 3);
        bond(buyer, 2 * SEAT);
        enlist(buyer, 2);
        bond(other, 2 * SEAT);
        enlist(other, 2);
        address poor = auditor(gone % AUDITORS);
        unbond(poor, 1);
        audited(); // by `other`
        pass(2);
        vm.setBlockhash(block.number - 1, seed);
        court.draw(job);
        address[] memory members = committee();
        vm.assertEq(members.length, 3);
        for (uint256 i; i < 3; ++i) {
            vm.assertTrue(members[i] != provider && members[i] != buyer && members[i] != other, "a party");
            vm.assertTrue(members[i] != poor, "not covered");
            vm.assertTrue(members[i] != members[(i + 1) % 3], "twice");
            vm.assertEq(court.seatsOf(members[i]), 1);
        }
    }

    /// @dev An auditor with half of the seats is in most committees, and once in each.
    function test_SeatsAreChances() public {
        bond(auditor(0), 8 * SEAT);
        enlist(auditor(0), 8);
        uint256 sits;
        for (uint256 i; i < 100; ++i) {
            if (i != 0) buyerDeposits();
            challenged();
            pass(2);
            vm.setBlockhash(block.number - 1, keccak256(abi.encode(i)));
            court.draw(job);
            for (uint256 m; m < 3; ++m) {
                if (committee()[m] == auditor(0)) ++sits;
            }
            vm.warp(block.timestamp + 1);
        }
        // 1 - (8/16)(7/15)(6/14)... with what is drawn twice left out: 0.87
        vm.assertGe(sits, 75, "committees");
        vm.assertLe(sits, 97, "committees");
    }

    function buyerDeposits() private {
        vm.prank(treasury);
        token.transfer(buyer, 2 * PRICE);
        vm.prank(buyer);
        market.deposit(2 * PRICE);
    }
}
