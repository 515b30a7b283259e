// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Work} from "../interfaces/IFogMarket.sol";
import {MAX_REPLICAS} from "./ConstantsLib.sol";
import {ErrorsLib} from "./ErrorsLib.sol";
import {SignatureLib} from "./SignatureLib.sol";

/// @title QuorumLib
/// @notice Which replicas of a job agree.
library QuorumLib {
    /// @dev The replicas that signed `digest`. Reverts unless they are enough for the quorum, the quorum is a majority,
    /// and all replicas are distinct accounts, none of them the buyer.
    function agreed(address buyer, Work calldata work, bytes32 digest, bytes[] calldata signatures)
        internal
        view
        returns (address[] memory signers)
    {
        address[] calldata replicas = work.replicas;
        (uint256 count, uint256 quorum) = (replicas.length, work.quorum);
        if (count > MAX_REPLICAS || quorum > count || quorum * 2 <= count || signatures.length != count) {
            revert ErrorsLib.BadQuorum(count, quorum);
        }
        signers = new address[](count);
        uint256 signed;
        address last;
        for (uint256 i; i < count; ++i) {
            address replica = replicas[i];
            if (replica <= last || replica == buyer) revert ErrorsLib.NotAReplica(replica);
            last = replica;
            bytes calldata signature = signatures[i];
            if (signature.length == 0) continue;
            SignatureLib.check(replica, digest, signature);
            signers[signed++] = replica;
        }
        if (signed < quorum) revert ErrorsLib.NoQuorum(signed, quorum);
        assembly ("memory-safe") {
            mstore(signers, signed)
        }
    }
}
