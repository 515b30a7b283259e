// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFogMarket, Work} from "../interfaces/IFogMarket.sol";
import {MAX_REPLICAS} from "./ConstantsLib.sol";
import {ErrorsLib} from "./ErrorsLib.sol";
import {SignatureLib} from "./SignatureLib.sol";

/// @title QuorumLib
/// @notice Which replicas of a job agree.
library QuorumLib {
    /// @dev The replicas that signed `digest`. Reverts unless they are enough for the quorum, the quorum is a majority,
    /// and all replicas are distinct accounts, none of them the buyer.
    ///
    /// Calldata is read by hand, without the compiler's checks of every offset: where in it a signature stands does not
    /// matter, and the caller compares the hash of the work. A signature's length and offset are two words of one
    /// variable, which Slither takes for one.
    /// @return signers With four words before it, for `emitPaid`.
    /// @return count How many replicas there are.
    function agreed(address buyer, Work calldata work, bytes32 digest, bytes[] calldata signatures)
        internal
        view
        returns (address[] memory signers, uint256 count)
    {
        uint256 quorum;
        uint256 replicas;
        assembly ("memory-safe") {
            quorum := calldataload(add(work, 0x20))
            replicas := add(work, calldataload(add(work, 0x40)))
            count := calldataload(replicas)
            replicas := add(replicas, 0x20)
        }
        unchecked {
            if (count > MAX_REPLICAS || quorum > count || quorum * 2 <= count || signatures.length != count) {
                revert ErrorsLib.BadQuorum(count, quorum);
            }
        }
        uint256 end;
        assembly ("memory-safe") {
            signers := add(mload(0x40), 0x80)
            end := add(signers, 0x20)
            mstore(0x40, add(end, shl(5, count)))
        }
        uint256 last;
        for (uint256 i; i < count;) {
            uint256 replica;
            // slither-disable-next-line write-after-write
            bytes calldata signature;
            assembly ("memory-safe") {
                replica := calldataload(add(replicas, shl(5, i)))
                let start := add(signatures.offset, calldataload(add(signatures.offset, shl(5, i))))
                signature.length := calldataload(start)
                signature.offset := add(start, 0x20)
                i := add(i, 1)
            }
            if (replica <= last || replica == uint160(buyer) || replica > type(uint160).max) {
                revert ErrorsLib.NotAReplica(address(uint160(replica)));
            }
            last = replica;
            if (signature.length == 0) continue;
            SignatureLib.check(address(uint160(replica)), digest, signature);
            assembly ("memory-safe") {
                mstore(end, replica)
                end := add(end, 0x20)
            }
        }
        assembly ("memory-safe") {
            mstore(signers, shr(5, sub(sub(end, signers), 0x20)))
        }
        if (signers.length < quorum) revert ErrorsLib.NoQuorum(signers.length, quorum);
    }

    /// @dev Emits ReplicasPaid. `signers` is from `agreed`: with the four words before it, it is the event's encoding.
    function emitPaid(bytes32 id, address[] memory signers, uint256 paid, uint256 fee, uint256 refund) internal {
        bytes32 topic = IFogMarket.ReplicasPaid.selector;
        assembly ("memory-safe") {
            let data := sub(signers, 0x80)
            mstore(data, 0x80)
            mstore(add(data, 0x20), paid)
            mstore(add(data, 0x40), fee)
            mstore(add(data, 0x60), refund)
            log2(data, add(0xa0, shl(5, mload(signers))), topic, id)
        }
    }
}
