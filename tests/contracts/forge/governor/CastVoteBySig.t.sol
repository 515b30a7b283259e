// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {GovernorTest} from "./GovernorTest.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

contract CastVoteBySigTest is GovernorTest {
    uint256 private id;

    function setUp() public override {
        super.setUp();
        id = propose(anna, turning(7));
        toVoting(id);
    }

    function ballot(uint8 support) private view returns (bytes memory) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("FogGovernor"),
                keccak256("1"),
                block.chainid,
                address(governor)
            )
        );
        bytes32 kind = keccak256("Ballot(uint256 proposalId,uint8 support,address voter,uint256 nonce)");
        bytes32 content = keccak256(abi.encode(kind, id, support, carol, governor.nonces(carol)));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(CAROL_KEY, keccak256(abi.encodePacked(hex"1901", domain, content)));
        return abi.encodePacked(r, s, v);
    }

    function test_AnyoneBringsASignedVote() public {
        bytes memory signature = ballot(FOR);
        vm.prank(nobody);
        governor.castVoteBySig(id, FOR, carol, signature);
        vm.assertTrue(governor.hasVoted(id, carol));
        (, uint256 inFavour,) = governor.proposalVotes(id);
        vm.assertEq(inFavour, 2_000_000e18);
    }

    function test_ItCannotBeTurnedRound() public {
        bytes memory signature = ballot(FOR);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorInvalidSignature.selector, carol));
        governor.castVoteBySig(id, AGAINST, carol, signature);
    }

    function test_ItCannotBeGivenForAnother() public {
        bytes memory signature = ballot(FOR);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorInvalidSignature.selector, anna));
        governor.castVoteBySig(id, FOR, anna, signature);
    }

    function test_ItCannotBeBroughtTwice() public {
        bytes memory signature = ballot(FOR);
        governor.castVoteBySig(id, FOR, carol, signature);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorInvalidSignature.selector, carol));
        governor.castVoteBySig(id, FOR, carol, signature);
    }

    function test_ItCannotBeUsedOnAnotherChain() public {
        bytes memory signature = ballot(FOR);
        vm.chainId(5);
        vm.expectRevert(abi.encodeWithSelector(IGovernor.GovernorInvalidSignature.selector, carol));
        governor.castVoteBySig(id, FOR, carol, signature);
    }
}
