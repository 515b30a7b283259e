// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {Wallet1271} from "../mocks/Wallet1271.sol";
import {AuthorizationTest} from "./AuthorizationTest.sol";
import {IERC3009} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";

contract TransferWithAuthorizationTest is AuthorizationTest {
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function signed(uint256 key, bytes32 nonce) private view returns (bytes memory) {
        return sign(key, authorization("TransferWithAuthorization", provider, nonce));
    }

    /// @dev As anyone may, since the signature names the payee.
    function submit(bytes memory signature, bytes32 nonce) private {
        vm.prank(other);
        token.transferWithAuthorization(buyer, provider, 7e18, validAfter, validBefore, nonce, signature);
    }

    function test_AnyoneBringsItAndThePayeeIsPaid() public {
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(BUYER_KEY, authorization("TransferWithAuthorization", provider, NONCE));
        vm.expectEmit(address(token));
        emit IERC3009.AuthorizationUsed(buyer, NONCE);
        vm.expectEmit(address(token));
        emit IERC20.Transfer(buyer, provider, 7e18);
        vm.prank(other);
        token.transferWithAuthorization(buyer, provider, 7e18, validAfter, validBefore, NONCE, v, r, s);
        vm.assertEq(token.balanceOf(provider), 7e18);
        vm.assertEq(token.balanceOf(buyer), 893e18);
        vm.assertTrue(token.authorizationState(buyer, NONCE));
    }

    function test_NoncesAreAny32BytesInAnyOrder(bytes32 first, bytes32 second) public {
        vm.assume(first != second);
        submit(signed(BUYER_KEY, first), first);
        vm.assertFalse(token.authorizationState(buyer, second));
        submit(signed(BUYER_KEY, second), second);
        vm.assertEq(token.balanceOf(provider), 14e18);
    }

    function test_TheyAreNotThoseOfPermits() public {
        submit(signed(BUYER_KEY, bytes32(0)), bytes32(0));
        vm.assertEq(token.nonces(buyer), 0);
    }

    function test_ReplayIsRefused(bytes32 nonce) public {
        submit(signed(BUYER_KEY, nonce), nonce);
        bytes memory again = signed(BUYER_KEY, nonce);
        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, buyer, nonce));
        submit(again, nonce);
    }

    function test_CancelledIsRefused() public {
        cancel(NONCE);
        bytes memory signature = signed(BUYER_KEY, NONCE);
        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, buyer, NONCE));
        submit(signature, NONCE);
    }

    function test_ItIsValidStrictlyBetweenItsTimes() public {
        bytes memory signature = signed(BUYER_KEY, NONCE);
        bytes memory refusal =
            abi.encodeWithSelector(ERC3009.ERC3009InvalidAuthorizationTime.selector, validAfter, validBefore);
        vm.warp(validAfter);
        vm.expectRevert(refusal);
        submit(signature, NONCE);
        vm.warp(validBefore);
        vm.expectRevert(refusal);
        submit(signature, NONCE);
        vm.warp(validBefore - 1);
        submit(signature, NONCE);
        vm.assertEq(token.balanceOf(provider), 7e18);
    }

    function test_SignatureOfAStrangerIsRefused() public {
        bytes memory signature = signed(OTHER_KEY, NONCE);
        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        submit(signature, NONCE);
    }

    function test_OtherAmountOrPayeeIsRefused() public {
        bytes memory signature = signed(BUYER_KEY, NONCE);
        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        token.transferWithAuthorization(buyer, provider, 8e18, validAfter, validBefore, NONCE, signature);
        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        token.transferWithAuthorization(buyer, other, 7e18, validAfter, validBefore, NONCE, signature);
    }

    function test_SignatureForReceiveIsRefused() public {
        bytes memory signature = sign(BUYER_KEY, authorization("ReceiveWithAuthorization", provider, NONCE));
        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        submit(signature, NONCE);
    }

    function test_SignatureOfAnotherChainIsRefused() public {
        bytes memory signature = signed(BUYER_KEY, NONCE);
        vm.chainId(5);
        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        submit(signature, NONCE);
    }

    function test_MirroredSignatureIsRefused() public {
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(BUYER_KEY, authorization("TransferWithAuthorization", provider, NONCE));
        bytes memory mirrored = abi.encodePacked(r, bytes32(ORDER - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        submit(mirrored, NONCE);
    }

    function test_MoreThanThereIsIsRefusedAndTheNonceStaysGood() public {
        vm.prank(buyer);
        token.transfer(other, 895e18);
        bytes memory signature = signed(BUYER_KEY, NONCE);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, buyer, 5e18, 7e18));
        submit(signature, NONCE);
        vm.prank(other);
        token.transfer(buyer, 2e18);
        submit(signature, NONCE);
        vm.assertEq(token.balanceOf(provider), 7e18);
    }

    function test_ContractSignsByErc1271() public {
        Wallet1271 wallet = new Wallet1271();
        vm.prank(buyer);
        token.transfer(address(wallet), 7e18);
        bytes32 typeHash = keccak256(
            "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
        );
        bytes32 content =
            keccak256(abi.encode(typeHash, address(wallet), provider, 7e18, validAfter, validBefore, NONCE));

        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        token.transferWithAuthorization(address(wallet), provider, 7e18, validAfter, validBefore, NONCE, "yes");
        wallet.accept(digest(content), "yes");
        token.transferWithAuthorization(address(wallet), provider, 7e18, validAfter, validBefore, NONCE, "yes");
        vm.assertEq(token.balanceOf(provider), 7e18);
    }
}
