// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ErrorsLib} from "./ErrorsLib.sol";
import {EventsLib} from "./EventsLib.sol";

/// @title BatchLib
/// @notice Reads a batch of paid jobs, 16 bytes each:
///
///     uint16 payee | uint32 number | uint80 amount
library BatchLib {
    /// @dev Marks every number as paid in `settled` and adds up the amounts. Numbers that follow each other share a
    /// word of the map, which is read and written once.
    /// @param count How many payees there are.
    /// @return sums What each payee gets.
    /// @return total What all get.
    function add(mapping(uint256 => uint256) storage settled, uint256 count, bytes calldata items)
        internal
        returns (uint96[] memory sums, uint96 total)
    {
        if (items.length == 0 || items.length % 16 != 0) revert ErrorsLib.BadBatch(items.length / 16);
        sums = new uint96[](count);
        uint256 sum;
        uint256 word = type(uint256).max;
        uint256 bits;
        uint256 jobs = items.length / 16;
        for (uint256 i; i < jobs; ++i) {
            uint256 payee;
            uint256 job;
            uint256 amount;
            assembly ("memory-safe") {
                let item := calldataload(add(items.offset, shl(4, i)))
                payee := shr(240, item)
                job := and(shr(208, item), 0xffffffff)
                amount := and(shr(128, item), 0xffffffffffffffffffff)
            }
            if (payee >= count) revert ErrorsLib.BadBatch(i);
            if (job >> 8 != word) {
                if (word != type(uint256).max) _store(settled, word, bits);
                word = job >> 8;
                bits = settled[word];
            }
            uint256 bit = 1 << (job & 255);
            if (bits & bit != 0) revert ErrorsLib.AlreadySettled(i, uint32(job));
            bits |= bit;
            assembly ("memory-safe") {
                // payee < count = sums.length, and a sum of 2^32 uint80 is below 2^112.
                let slot := add(add(sums, 0x20), shl(5, payee))
                mstore(slot, add(mload(slot), amount))
            }
            unchecked {
                sum += amount; // below 2^112
            }
        }
        _store(settled, word, bits);
        // No payee has more than all together, which the buyer's balance, a uint96, must cover.
        if (sum > type(uint96).max) revert ErrorsLib.InsufficientBalance(type(uint96).max, type(uint96).max);
        total = uint96(sum);
    }

    function _store(mapping(uint256 => uint256) storage settled, uint256 word, uint256 bits) private {
        emit EventsLib.BatchNumbers(msg.sender, word, bits);
        settled[word] = bits;
    }
}
