// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Terms, Work} from "../interfaces/IFogMarket.sol";
import {MAX_REPLICAS, MAX_SESSION_LENGTH} from "./ConstantsLib.sol";
import {ErrorsLib} from "./ErrorsLib.sol";

/// @title JobLib
/// @notice What terms must be, and what a job earns by them.
library JobLib {
    /// @dev Reverts unless a job can be opened now under `terms`.
    function check(Terms calldata terms) internal view {
        if (terms.price == 0) revert ErrorsLib.ZeroAmount();
        if (terms.provider == terms.buyer) revert ErrorsLib.BadTerms("provider is buyer");
        if (terms.provider == address(0)) revert ErrorsLib.ZeroAddress();
        if (terms.breach > terms.price) revert ErrorsLib.BadTerms("breach above price");
        (uint40 inputBy, uint40 due, uint40 lateBy) = (terms.inputBy, terms.due, terms.lateBy);
        if (due <= block.timestamp || inputBy > due || due > lateBy) revert ErrorsLib.BadTerms("times out of order");
        if (lateBy > block.timestamp + MAX_SESSION_LENGTH) revert ErrorsLib.BadTerms("lateBy too far");
    }

    /// @dev Reverts unless the replicas are distinct accounts in ascending order, none of them the buyer, all of them
    /// enough for the quorum, which is a majority.
    function checkReplicas(Terms calldata terms, Work calldata work) internal pure {
        uint256 count = work.replicas.length;
        if (count > MAX_REPLICAS || work.quorum > count || uint256(work.quorum) * 2 <= count) {
            revert ErrorsLib.NoQuorum(count, work.quorum);
        }
        address last;
        for (uint256 i; i < count; ++i) {
            address replica = work.replicas[i];
            if (replica <= last || replica == terms.buyer) revert ErrorsLib.NotAReplica(replica);
            last = replica;
        }
    }

    /// @dev The place of `replica` at or after `from`. Receipts come in the replicas' order, so that one pass finds all
    /// and nobody counts twice.
    function find(address[] calldata replicas, uint256 from, address replica) internal pure returns (uint256) {
        for (uint256 i = from; i < replicas.length; ++i) {
            if (replicas[i] == replica) return i;
        }
        revert ErrorsLib.NotAReplica(replica);
    }

    /// @dev `rate` for every 10^9 fuel, rounded down, or `price`; in full until `due`, falling linearly to zero at
    /// `lateBy`.
    function pay(Terms calldata terms, uint64 fuel, uint40 at) internal pure returns (uint96) {
        uint256 gross = terms.price;
        if (terms.rate != 0) {
            uint256 metered = uint256(terms.rate) * fuel / 1e9;
            if (metered < gross) gross = metered;
        }
        (uint40 due, uint40 lateBy) = (terms.due, terms.lateBy);
        if (at <= due) return uint96(gross);
        if (at >= lateBy) return 0;
        return uint96(gross * (lateBy - at) / (lateBy - due));
    }

    /// @dev What a job's slot keeps of a delivery: 18 bytes, so that all fits one slot. The result is fixed by the task;
    /// to deliver one thing and show another takes a second preimage, 2^144 tries.
    function hash(bytes32 result, uint64 fuel, uint40 at) internal pure returns (bytes18) {
        return bytes18(keccak256(abi.encode(result, fuel, at)));
    }
}
