// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice What opening a job or session must know, in one word, from the lowest bit:
///
///     version 16 | feeBps 16 | bondMultiple 16 | stoppedUntil 40
type CurrentSlot is uint256;

using {version, feeBps, bondMultiple, stoppedUntil, withParameters, withStop} for CurrentSlot global;

function version(CurrentSlot slot) pure returns (uint16) {
    return uint16(CurrentSlot.unwrap(slot));
}

function feeBps(CurrentSlot slot) pure returns (uint16) {
    return uint16(CurrentSlot.unwrap(slot) >> 16);
}

function bondMultiple(CurrentSlot slot) pure returns (uint16) {
    return uint16(CurrentSlot.unwrap(slot) >> 32);
}

function stoppedUntil(CurrentSlot slot) pure returns (uint40) {
    return uint40(CurrentSlot.unwrap(slot) >> 48);
}

function withParameters(CurrentSlot slot, uint16 version_, uint16 feeBps_, uint16 bondMultiple_)
    pure
    returns (CurrentSlot)
{
    uint256 set = uint256(version_) | uint256(feeBps_) << 16 | uint256(bondMultiple_) << 32;
    return CurrentSlot.wrap(uint256(slot.stoppedUntil()) << 48 | set);
}

function withStop(CurrentSlot slot, uint40 until) pure returns (CurrentSlot) {
    return CurrentSlot.wrap(uint48(CurrentSlot.unwrap(slot)) | uint256(until) << 48);
}
