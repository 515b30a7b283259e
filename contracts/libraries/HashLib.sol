// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Terms, Work} from "../interfaces/IFogMarket.sol";
import {
    ACCEPTANCE_TYPEHASH,
    REPLICA_TYPEHASH,
    TERMS_TYPEHASH,
    VOUCHER_TYPEHASH,
    WORK_TYPEHASH
} from "./ConstantsLib.sol";

/// @title HashLib
/// @notice The EIP-712 struct hashes of what is signed for the market.
library HashLib {
    /// @dev All members are one word each, so that the struct in calldata is its own encoding. A member with dirty
    /// upper bits gives a hash that nobody signed, and is refused where it is read.
    function terms(Terms calldata value) internal pure returns (bytes32 hash) {
        bytes32 typehash = TERMS_TYPEHASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typehash)
            calldatacopy(add(free, 0x20), value, 0x120)
            hash := keccak256(free, 0x140)
        }
    }

    function work(Work calldata value) internal pure returns (bytes32) {
        bytes32 replicas = keccak256(abi.encodePacked(value.replicas));
        return keccak256(abi.encode(WORK_TYPEHASH, value.spec, value.quorum, replicas, value.salt));
    }

    function acceptance(bytes32 job, uint96 amount) internal pure returns (bytes32) {
        return keccak256(abi.encode(ACCEPTANCE_TYPEHASH, job, amount));
    }

    function replica(bytes32 job, bytes32 result, uint64 fuel) internal pure returns (bytes32) {
        return keccak256(abi.encode(REPLICA_TYPEHASH, job, result, fuel));
    }

    function voucher(bytes32 session, uint96 amount) internal pure returns (bytes32) {
        return keccak256(abi.encode(VOUCHER_TYPEHASH, session, amount));
    }
}
