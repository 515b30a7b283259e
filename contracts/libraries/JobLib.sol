// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Terms} from "../interfaces/IFogMarket.sol";
import {MAX_SESSION_LENGTH} from "./ConstantsLib.sol";
import {ErrorsLib} from "./ErrorsLib.sol";

/// @title JobLib
/// @notice What terms must be, and what a job earns by them.
library JobLib {
    /// @dev Reverts unless a job can be opened now under `terms`.
    function check(Terms calldata terms) internal view {
        uint256 excess;
        uint256 breach;
        assembly ("memory-safe") {
            breach := calldataload(add(terms, 0x80))
            let accounts := or(calldataload(terms), calldataload(add(terms, 0x20)))
            let amounts := or(or(calldataload(add(terms, 0x40)), calldataload(add(terms, 0x60))), breach)
            let moments := or(calldataload(add(terms, 0xa0)), calldataload(add(terms, 0xc0)))
            moments := or(moments, calldataload(add(terms, 0xe0)))
            excess := or(or(shr(160, accounts), shr(96, amounts)), shr(40, moments))
        }
        if (excess != 0) revert ErrorsLib.BadTerms("out of range");

        (address buyer, address provider, uint256 price) = parties(terms);
        (uint256 inputBy, uint256 due, uint256 lateBy) = times(terms);
        if (price == 0) revert ErrorsLib.ZeroAmount();
        if (provider == address(0)) revert ErrorsLib.ZeroAddress();
        if (provider == buyer) revert ErrorsLib.BadTerms("provider is buyer");
        if (breach > price) revert ErrorsLib.BadTerms("breach above price");
        if (due <= block.timestamp || inputBy > due || due > lateBy) revert ErrorsLib.BadTerms("times out of order");
        unchecked {
            if (lateBy > block.timestamp + MAX_SESSION_LENGTH) revert ErrorsLib.BadTerms("lateBy too far");
        }
    }

    /// @dev Members of terms that `check` let pass once, which is all of which there is a job: they fit their types,
    /// and need no check at each reading.
    function parties(Terms calldata terms) internal pure returns (address buyer, address provider, uint96 price) {
        assembly ("memory-safe") {
            buyer := calldataload(terms)
            provider := calldataload(add(terms, 0x20))
            price := calldataload(add(terms, 0x40))
        }
    }

    /// @dev As `parties`.
    function times(Terms calldata terms) internal pure returns (uint40 inputBy, uint40 due, uint40 lateBy) {
        assembly ("memory-safe") {
            inputBy := calldataload(add(terms, 0xa0))
            due := calldataload(add(terms, 0xc0))
            lateBy := calldataload(add(terms, 0xe0))
        }
    }

    /// @dev `rate` for every 10^9 fuel, rounded down, or `price`; in full until `due`, falling linearly to zero at
    /// `lateBy`.
    function pay(Terms calldata terms, uint256 fuel, uint256 at) internal pure returns (uint96) {
        (,, uint256 gross) = parties(terms);
        (, uint256 due, uint256 lateBy) = times(terms);
        uint256 rate;
        assembly ("memory-safe") {
            rate := calldataload(add(terms, 0x60))
        }
        unchecked {
            // No product is above 2^160.
            if (rate != 0) {
                uint256 metered = rate * fuel / 1e9;
                if (metered < gross) gross = metered;
            }
            if (at <= due) return uint96(gross);
            if (at >= lateBy) return 0;
            return uint96(gross * (lateBy - at) / (lateBy - due));
        }
    }

    /// @dev What a job's slot keeps of a delivery: 18 bytes, so that all fits one slot. The result is fixed by the
    /// task; to deliver one thing and show another takes a second preimage, 2^144 tries.
    function hash(bytes32 result, uint64 fuel, uint40 at) internal pure returns (bytes18) {
        bytes32 whole;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, result)
            mstore(add(free, 0x20), fuel)
            mstore(add(free, 0x40), at)
            whole := keccak256(free, 0x60)
        }
        return bytes18(whole);
    }
}
