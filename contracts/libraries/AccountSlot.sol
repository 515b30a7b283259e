// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {VOLUME_UNIT} from "./ConstantsLib.sol";

/// @notice An account's balance in one word, from the lowest bit:
///
///     free 96 | fees 96 | volume 64
///
/// Fees stay beside the pay they were kept back from until they are collected, so that a payment writes one slot only.
/// @dev Free balances and fees are tokens of the market, of which there are fewer than 2^90: sums of them never carry
/// from one field into the next.
type AccountSlot is uint256;

using {free, fees, volume, add, subtract, earn, collected} for AccountSlot global;

function free(AccountSlot slot) pure returns (uint96) {
    return uint96(AccountSlot.unwrap(slot));
}

function fees(AccountSlot slot) pure returns (uint96) {
    return uint96(AccountSlot.unwrap(slot) >> 96);
}

function volume(AccountSlot slot) pure returns (uint64) {
    return uint64(AccountSlot.unwrap(slot) >> 192);
}

function add(AccountSlot slot, uint96 amount) pure returns (AccountSlot) {
    return AccountSlot.wrap(AccountSlot.unwrap(slot) + amount);
}

/// @dev `amount` is at most `slot.free()`.
function subtract(AccountSlot slot, uint96 amount) pure returns (AccountSlot) {
    return AccountSlot.wrap(AccountSlot.unwrap(slot) - amount);
}

/// @dev The slot with `gross` earned, of which `fee` is kept back. Reverts when 2^64 units of volume wait to be
/// collected, which takes a hundredth of that in fees.
function earn(AccountSlot slot, uint96 gross, uint96 fee) pure returns (AccountSlot) {
    uint256 earned = uint256(gross - fee) | uint256(fee) << 96 | uint256(gross / VOLUME_UNIT) << 192;
    return AccountSlot.wrap(AccountSlot.unwrap(slot) + earned);
}

/// @dev The slot once its fees and volume were collected.
function collected(AccountSlot slot) pure returns (AccountSlot) {
    return AccountSlot.wrap(uint96(AccountSlot.unwrap(slot)));
}
