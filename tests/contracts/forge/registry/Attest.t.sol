// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {RegistryTest} from "./RegistryTest.sol";

contract AttestTest is RegistryTest {
    address private constant A = address(0xA);
    address private constant B = address(0xB);
    address private constant C = address(0xC);
    bytes32 private constant DOCUMENT = keccak256("document");
    bytes32 private constant FORGERY = keccak256("forgery");

    function setUp() public override {
        super.setUp();
        setCommittee(A, B, C, 2);
    }

    function setCommittee(address a, address b, address c, uint8 threshold) internal {
        address[] memory members = new address[](3);
        (members[0], members[1], members[2]) = (a, b, c);
        vm.prank(timelock);
        registry.setCommittee(members, threshold);
    }

    function attest(address member, uint40 epoch, bytes32 documentHash) internal {
        vm.prank(member);
        registry.attest(epoch, documentHash);
    }

    function test_DocumentIsFixedWhenEnoughAgree() public {
        vm.expectEmit(address(registry));
        emit EventsLib.MixAttested(9, A, DOCUMENT);
        attest(A, 9, DOCUMENT);
        vm.assertEq(registry.document(9), 0);
        vm.assertEq(registry.attestations(9, DOCUMENT), 1);
        vm.assertTrue(registry.hasAttested(9, A));
        vm.assertFalse(registry.hasAttested(9, B));

        vm.expectEmit(address(registry));
        emit EventsLib.MixDocument(9, DOCUMENT);
        attest(C, 9, DOCUMENT);
        vm.assertEq(registry.document(9), DOCUMENT);

        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.DocumentFixed.selector, 9));
        attest(B, 9, FORGERY);
    }

    function test_OtherDocumentsAndEpochsDoNotAddUp() public {
        attest(A, 9, DOCUMENT);
        attest(B, 9, FORGERY);
        attest(B, 8, DOCUMENT);
        vm.assertEq(registry.document(9), 0);
        vm.assertEq(registry.document(8), 0);
        attest(C, 9, DOCUMENT);
        vm.assertEq(registry.document(9), DOCUMENT);
    }

    function test_MemberHasOneWordAnEpoch() public {
        attest(A, 9, FORGERY);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.AlreadyAttested.selector, 9));
        attest(A, 9, DOCUMENT);
    }

    function testFuzz_OutsiderIsRefused(address outsider) public {
        vm.assume(outsider != A && outsider != B && outsider != C);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotMember.selector, outsider));
        attest(outsider, 9, DOCUMENT);
    }

    function test_EmptyHashIsRefused() public {
        vm.expectRevert(ErrorsLib.BadDocument.selector);
        attest(A, 9, 0);
    }

    function test_OldCommitteesWordsDoNotCountForTheNewOne() public {
        attest(A, 9, DOCUMENT);
        setCommittee(B, C, other, 2);
        vm.assertEq(registry.attestations(9, DOCUMENT), 0);
        attest(B, 9, DOCUMENT);
        vm.assertEq(registry.document(9), 0);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotMember.selector, A));
        attest(A, 9, DOCUMENT);
        attest(C, 9, DOCUMENT);
        vm.assertEq(registry.document(9), DOCUMENT);
    }

    function test_WhatIsFixedOutlivesTheCommittee() public {
        attest(A, 9, DOCUMENT);
        attest(B, 9, DOCUMENT);
        setCommittee(A, B, C, 3);
        vm.assertEq(registry.document(9), DOCUMENT);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.DocumentFixed.selector, 9));
        attest(A, 9, FORGERY);
    }
}
