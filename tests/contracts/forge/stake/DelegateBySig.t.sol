// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {StakeTest} from "./StakeTest.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";

contract DelegateBySigTest is StakeTest {
    function setUp() public override {
        super.setUp();
        bond(buyer, 100e18);
    }

    function digest(uint256 nonce) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("FogStake"),
                keccak256("1"),
                block.chainid,
                address(stake)
            )
        );
        bytes32 kind = keccak256("Delegation(address delegatee,uint256 nonce,uint256 expiry)");
        bytes32 content = keccak256(abi.encode(kind, other, nonce, inAnHour()));
        return keccak256(abi.encodePacked(hex"1901", domain, content));
    }

    function test_SignatureDelegatesOnce() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BUYER_KEY, digest(0));
        uint40 expiry = inAnHour();
        stake.delegateBySig(other, 0, expiry, v, r, s);
        vm.assertEq(stake.getVotes(other), 100e18);

        vm.expectRevert(abi.encodeWithSelector(Nonces.InvalidAccountNonce.selector, buyer, 1));
        stake.delegateBySig(other, 0, expiry, v, r, s);
    }

    function test_ExpiredSignatureIsRefused() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BUYER_KEY, digest(0));
        uint40 expiry = inAnHour();
        vm.warp(expiry + 1);
        vm.expectRevert(abi.encodeWithSelector(IVotes.VotesExpiredSignature.selector, expiry));
        stake.delegateBySig(other, 0, expiry, v, r, s);
    }

    function test_SignatureForAnotherChainMovesNothingOfTheBuyers() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BUYER_KEY, digest(0));
        vm.chainId(4711);
        stake.delegateBySig(other, 0, inAnHour(), v, r, s);
        vm.assertEq(stake.delegates(buyer), address(0));
        vm.assertEq(stake.getVotes(other), 0);
    }
}
