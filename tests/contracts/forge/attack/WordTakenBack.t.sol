// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {BaseTest} from "../BaseTest.sol";
import {vm} from "../Vm.sol";
import {Wallet1271} from "../mocks/Wallet1271.sol";
import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @notice Asks the code first, where there is some, as OpenZeppelin's SignatureChecker does.
contract CodeFirst {
    function isSignedBy(address signer, bytes32 digest, bytes calldata signature) external view returns (bool) {
        if (signer.code.length == 0) return ECDSA.recover(digest, signature) == signer;
        return IERC1271(signer).isValidSignature(digest, signature) == IERC1271.isValidSignature.selector;
    }
}

/// @notice A buyer signs, has the work done, and takes his word back before it is claimed: with an account of code, or
/// by giving code to his account (EIP-7702). The tests put the code there by hand: for who reads it, it is the same.
contract WordTakenBackTest is BaseTest {
    function delegate() private {
        vm.etch(buyer, type(Wallet1271).runtimeCode); // accepts nothing
    }

    function test_Proof_CodeTakesBackWhatAKeySigned() public {
        CodeFirst naive = new CodeFirst();
        bytes32 digest = keccak256("voucher");
        bytes memory word = sign(BUYER_KEY, digest);
        vm.assertTrue(naive.isSignedBy(buyer, digest, word));
        delegate();
        vm.assertFalse(naive.isSignedBy(buyer, digest, word));
    }

    function testFuzz_Fix_WhatAKeySignedStays(uint96 amount) public {
        bytes32 id = openSession(10e18);
        amount = uint96(1 + amount % 10e18);
        bytes memory word = voucher(id, amount);
        delegate();
        market.claim(id, amount, word);
        (uint96 fees,) = market.withheld(provider);
        vm.assertEq(market.free(provider) + fees, amount);
    }

    /// @dev An account that never was a key can take back what is not claimed yet, and the interface says so; what was
    /// claimed it can't, and what is locked it can't have before the expiry.
    function test_Fix_ContractTakesBackOnlyWhatIsUnclaimed() public {
        Wallet1271 wallet = new Wallet1271();
        vm.prank(treasury);
        token.transfer(address(wallet), 10e18);
        wallet.call(address(token), abi.encodeCall(token.approve, (address(market), 10e18)));
        wallet.call(address(market), abi.encodeCall(market.deposit, (10e18)));
        wallet.call(address(market), abi.encodeCall(market.openSession, (provider, 10e18, inAnHour(), JOB)));
        bytes32 id = market.sessionId(address(wallet), provider, JOB);

        wallet.accept(market.hashVoucher(id, 4e18), "first");
        market.claim(id, 4e18, "first");
        wallet.accept(market.hashVoucher(id, 7e18), "second");
        wallet.accept(0, "");
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.BadSignature.selector, address(wallet)));
        market.claim(id, 7e18, "second");
        vm.assertEq(market.free(provider), net(4e18));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotExpired.selector, inAnHour()));
        wallet.call(address(market), abi.encodeCall(market.closeSession, (id)));
    }
}
