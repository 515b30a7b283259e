// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "./ErrorsLib.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

/// @title SignatureLib
/// @notice Signatures of keys (65 bytes, low s) and of contracts (ERC-1271).
library SignatureLib {
    /// @dev Signatures with an s above this are twins of others (EIP-2).
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    /// @notice Whether `signature` is `signer`'s over `digest`: 65 bytes with low s, or what its contract accepts.
    /// @dev The key comes before the code: else somebody who signed with his key could void it by delegating his
    /// account to code that refuses (EIP-7702).
    function isSignedBy(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        if (signature.length == 65 && _recover(digest, signature) == signer && signer != address(0)) return true;
        return SignatureChecker.isValidERC1271SignatureNowCalldata(signer, digest, signature);
    }

    function check(address signer, bytes32 digest, bytes calldata signature) internal view {
        if (!isSignedBy(signer, digest, signature)) revert ErrorsLib.BadSignature(signer);
    }

    /// @dev Zero for what no key signed. On every payment's way, hence by hand: a seventh of OpenZeppelin's overhead.
    function _recover(bytes32 digest, bytes calldata signature) private view returns (address recovered) {
        assembly ("memory-safe") {
            let s := calldataload(add(signature.offset, 0x20))
            if iszero(gt(s, HALF_ORDER)) {
                let free := mload(0x40)
                mstore(free, digest)
                mstore(add(free, 0x20), byte(0, calldataload(add(signature.offset, 0x40))))
                mstore(add(free, 0x40), calldataload(signature.offset))
                mstore(add(free, 0x60), s)
                mstore(0, 0)
                pop(staticcall(gas(), 1, free, 0x80, 0, 0x20))
                recovered := mload(0)
            }
        }
    }
}
