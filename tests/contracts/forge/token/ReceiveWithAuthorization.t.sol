// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {AuthorizationTest} from "./AuthorizationTest.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";

contract ReceiveWithAuthorizationTest is AuthorizationTest {
    function signed(uint256 key) private view returns (bytes memory) {
        return sign(key, authorization("ReceiveWithAuthorization", provider, NONCE));
    }

    function submit(address caller, bytes memory signature) private {
        vm.prank(caller);
        token.receiveWithAuthorization(buyer, provider, 7e18, validAfter, validBefore, NONCE, signature);
    }

    function test_ThePayeeTakesIt() public {
        submit(provider, signed(BUYER_KEY));
        vm.assertEq(token.balanceOf(provider), 7e18);
        vm.assertEq(token.balanceOf(buyer), 893e18);
    }

    function test_ThePayeeTakesItWithASplitSignature() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BUYER_KEY, authorization("ReceiveWithAuthorization", provider, NONCE));
        vm.prank(provider);
        token.receiveWithAuthorization(buyer, provider, 7e18, validAfter, validBefore, NONCE, v, r, s);
        vm.assertEq(token.balanceOf(provider), 7e18);
    }

    /// @dev Whoever sees the payee's transaction coming can do nothing with what is in it.
    function test_NobodyRunsAheadOfThePayee() public {
        bytes memory signature = signed(BUYER_KEY);
        vm.expectRevert(abi.encodeWithSelector(IERC20Errors.ERC20InvalidReceiver.selector, provider));
        submit(other, signature);
        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        vm.prank(other);
        token.transferWithAuthorization(buyer, provider, 7e18, validAfter, validBefore, NONCE, signature);
        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        vm.prank(other);
        token.receiveWithAuthorization(buyer, other, 7e18, validAfter, validBefore, NONCE, signature);

        submit(provider, signature);
        vm.assertEq(token.balanceOf(provider), 7e18);
    }

    function test_ReplayIsRefused() public {
        bytes memory signature = signed(BUYER_KEY);
        submit(provider, signature);
        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, buyer, NONCE));
        submit(provider, signature);
    }

    function test_ANonceServesOneOfBothKinds() public {
        submit(provider, signed(BUYER_KEY));
        bytes memory signature = sign(BUYER_KEY, authorization("TransferWithAuthorization", provider, NONCE));
        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, buyer, NONCE));
        token.transferWithAuthorization(buyer, provider, 7e18, validAfter, validBefore, NONCE, signature);
    }

    function test_ExpiredIsRefused() public {
        bytes memory signature = signed(BUYER_KEY);
        vm.warp(validBefore);
        vm.expectRevert(
            abi.encodeWithSelector(ERC3009.ERC3009InvalidAuthorizationTime.selector, validAfter, validBefore)
        );
        submit(provider, signature);
    }

    function test_SignatureOfAStrangerIsRefused() public {
        bytes memory signature = signed(OTHER_KEY);
        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        submit(provider, signature);
    }
}
