// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "./ErrorsLib.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @dev Signatures with an s above this are twins of others (EIP-2).
uint256 constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

/// @title SignatureLib
/// @notice Signatures of keys (65 bytes, or 64 by EIP-2098; low s) and of contracts (ERC-1271).
library SignatureLib {
    /// @notice Whether `signature` is `signer`'s over `digest`: 65 or 64 bytes with low s, or what its contract
    /// accepts.
    /// @dev The key comes before the code: else somebody who signed with his key could void it by delegating his
    /// account to code that refuses (EIP-7702).
    function isSignedBy(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        if (_isByKey(signer, digest, signature)) return true;
        return SignatureChecker.isValidERC1271SignatureNowCalldata(signer, digest, signature);
    }

    function check(address signer, bytes32 digest, bytes calldata signature) internal view {
        if (_isByKey(signer, digest, signature)) return;
        if (!SignatureChecker.isValidERC1271SignatureNowCalldata(signer, digest, signature)) {
            revert ErrorsLib.BadSignature(signer);
        }
    }

    /// @dev On every payment's way, hence by hand: a tenth of OpenZeppelin's overhead.
    function _isByKey(address signer, bytes32 digest, bytes calldata signature) private view returns (bool same) {
        assembly ("memory-safe") {
            let s := calldataload(add(signature.offset, 0x20))
            let v := byte(0, calldataload(add(signature.offset, 0x40)))
            // Of 64 bytes the highest bit, which a low s leaves free, is the parity of 27 and 28.
            if eq(signature.length, 64) {
                v := add(shr(255, s), 27)
                s := shr(1, shl(1, s))
            }
            if iszero(or(gt(s, HALF_ORDER), gt(sub(signature.length, 64), 1))) {
                let free := mload(0x40)
                mstore(free, digest)
                mstore(add(free, 0x20), v)
                mstore(add(free, 0x40), calldataload(signature.offset))
                mstore(add(free, 0x60), s)
                // Nothing comes back when no key signed it.
                pop(staticcall(gas(), 1, free, 0x80, 0, 0x20))
                same := and(eq(returndatasize(), 0x20), eq(mload(0), signer))
            }
        }
    }
}
