// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "./ErrorsLib.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title SignatureLib
/// @notice Signatures of keys (65 bytes, low s) and of contracts (ERC-1271).
library SignatureLib {
    /// @dev The key comes before the code: else who signed with a key could void it by delegating the account to code
    /// that refuses it (EIP-7702).
    function isSignedBy(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        (address recovered, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && recovered == signer) return true;
        return SignatureChecker.isValidERC1271SignatureNowCalldata(signer, digest, signature);
    }

    function check(address signer, bytes32 digest, bytes calldata signature) internal view {
        if (!isSignedBy(signer, digest, signature)) revert ErrorsLib.BadSignature(signer);
    }
}
