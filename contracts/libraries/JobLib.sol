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
        (uint256 price, uint256 due, uint256 lateBy) = (terms.price, terms.due, terms.lateBy);
        address provider = terms.provider;
        if (price == 0) revert ErrorsLib.ZeroAmount();
        if (provider == address(0)) revert ErrorsLib.ZeroAddress();
        if (provider == terms.buyer) revert ErrorsLib.BadTerms("provider is buyer");
        if (terms.breach > price) revert ErrorsLib.BadTerms("breach above price");
        unchecked {
            // None is above 2^40 but the block's time plus a year, which is not near 2^256.
            if (due <= block.timestamp || terms.inputBy > due || due > lateBy) {
                revert ErrorsLib.BadTerms("times out of order");
            }
            if (lateBy > block.timestamp + MAX_SESSION_LENGTH) revert ErrorsLib.BadTerms("lateBy too far");
        }
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
