// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "../Vm.sol";
import {AuthorizationTest} from "./AuthorizationTest.sol";
import {IERC3009Cancel} from "@openzeppelin/contracts/interfaces/draft-IERC3009.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";

contract CancelAuthorizationTest is AuthorizationTest {
    function test_ItUsesTheNonceUp(bytes32 nonce) public {
        vm.expectEmit(address(token));
        emit IERC3009Cancel.AuthorizationCanceled(buyer, nonce);
        cancel(nonce);
        vm.assertTrue(token.authorizationState(buyer, nonce));

        bytes memory signature = sign(BUYER_KEY, authorization("ReceiveWithAuthorization", provider, nonce));
        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, buyer, nonce));
        vm.prank(provider);
        token.receiveWithAuthorization(buyer, provider, 7e18, validAfter, validBefore, nonce, signature);
    }

    function test_OthersNoncesAreUntouched() public {
        cancel(NONCE);
        vm.assertFalse(token.authorizationState(other, NONCE));
    }

    function test_OnlyTheAuthorizerCancels() public {
        bytes memory signature = sign(OTHER_KEY, cancellation(NONCE));
        vm.expectRevert(ERC3009.ERC3009InvalidSignature.selector);
        token.cancelAuthorization(buyer, NONCE, signature);
        vm.assertFalse(token.authorizationState(buyer, NONCE));
    }

    function test_UsedCannotBeCancelled() public {
        bytes memory signature = sign(BUYER_KEY, authorization("ReceiveWithAuthorization", provider, NONCE));
        vm.prank(provider);
        token.receiveWithAuthorization(buyer, provider, 7e18, validAfter, validBefore, NONCE, signature);

        bytes memory cancelling = sign(BUYER_KEY, cancellation(NONCE));
        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, buyer, NONCE));
        token.cancelAuthorization(buyer, NONCE, cancelling);
    }
}
