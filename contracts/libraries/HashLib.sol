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
/// @dev On every payment's way, hence in assembly: `abi.encode` costs five times as much.
library HashLib {
    /// @dev All members are one word each, so that the struct in calldata is its own encoding. A member with dirty
    /// upper bits gives a hash that nobody signed, and `JobLib.check` refuses it.
    function terms(Terms calldata value) internal pure returns (bytes32 hash) {
        bytes32 typehash = TERMS_TYPEHASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typehash)
            calldatacopy(add(free, 0x20), value, 0x120)
            hash := keccak256(free, 0x140)
        }
    }

    /// @dev An array in calldata is its own encoding too. Members are hashed as they came: what does not fit its type
    /// gives a hash that nobody means.
    function work(Work calldata value) internal pure returns (bytes32 hash) {
        bytes32 typehash = WORK_TYPEHASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            let replicas := add(value, calldataload(add(value, 0x40)))
            let size := shl(5, calldataload(replicas))
            calldatacopy(free, add(replicas, 0x20), size)
            let hashed := keccak256(free, size)
            mstore(free, typehash)
            calldatacopy(add(free, 0x20), value, 0x80)
            mstore(add(free, 0x60), hashed)
            hash := keccak256(free, 0xa0)
        }
    }

    function acceptance(bytes32 job, uint96 amount) internal pure returns (bytes32) {
        return _hash(ACCEPTANCE_TYPEHASH, job, bytes32(uint256(amount)));
    }

    function replica(bytes32 job, bytes32 result, uint64 fuel) internal pure returns (bytes32 hash) {
        bytes32 typehash = REPLICA_TYPEHASH;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typehash)
            mstore(add(free, 0x20), job)
            mstore(add(free, 0x40), result)
            mstore(add(free, 0x60), fuel)
            hash := keccak256(free, 0x80)
        }
    }

    function voucher(bytes32 session, uint96 amount) internal pure returns (bytes32) {
        return _hash(VOUCHER_TYPEHASH, session, bytes32(uint256(amount)));
    }

    /// @dev What is signed: the struct with the domain it is for.
    function digest(bytes32 domain, bytes32 content) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, hex"1901")
            mstore(add(free, 0x02), domain)
            mstore(add(free, 0x22), content)
            hash := keccak256(free, 0x42)
        }
    }

    function _hash(bytes32 typehash, bytes32 first, bytes32 second) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, typehash)
            mstore(add(free, 0x20), first)
            mstore(add(free, 0x40), second)
            hash := keccak256(free, 0x60)
        }
    }
}
