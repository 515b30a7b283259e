// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Job, JobState} from "../interfaces/IFogMarket.sol";

/// @notice A job in one word, from the lowest bit:
///
///     state 8 | version 16 | feeBps 16 | since 40 | number 32 | delivery 144
type JobSlot is uint256;

using {state, isIn, version, feeBps, since, delivery, enter, withDelivery, unpack} for JobSlot global;

function opened(uint256 version_, uint256 feeBps_) view returns (JobSlot) {
    return JobSlot.wrap(version_ << 8 | feeBps_ << 24).enter(JobState.Open);
}

function state(JobSlot slot) pure returns (JobState) {
    return JobState(uint8(JobSlot.unwrap(slot)));
}

/// @dev Spares the checks that the compiler makes with enums.
function isIn(JobSlot slot, JobState state_) pure returns (bool same) {
    assembly ("memory-safe") {
        same := eq(and(slot, 0xff), state_)
    }
}

function version(JobSlot slot) pure returns (uint16) {
    return uint16(JobSlot.unwrap(slot) >> 8);
}

function feeBps(JobSlot slot) pure returns (uint16) {
    return uint16(JobSlot.unwrap(slot) >> 24);
}

function since(JobSlot slot) pure returns (uint40) {
    return uint40(JobSlot.unwrap(slot) >> 40);
}

function delivery(JobSlot slot) pure returns (bytes18) {
    return bytes18(uint144(JobSlot.unwrap(slot) >> 112));
}

/// @dev The slot once the job entered `state_`, in this block.
function enter(JobSlot slot, JobState state_) view returns (JobSlot) {
    uint256 kept = JobSlot.unwrap(slot) & ~(0xff | uint256(type(uint72).max) << 40);
    uint256 set = uint256(uint40(block.timestamp)) << 40 | uint256(uint32(block.number)) << 80;
    assembly ("memory-safe") {
        set := or(set, state_)
    }
    return JobSlot.wrap(kept | set);
}

/// @dev A job is delivered once, so that there was no delivery before.
function withDelivery(JobSlot slot, bytes18 delivery_) pure returns (JobSlot) {
    return JobSlot.wrap(JobSlot.unwrap(slot) | uint256(uint144(delivery_)) << 112);
}

function unpack(JobSlot slot) pure returns (Job memory) {
    return Job({
        state: slot.state(),
        version: slot.version(),
        feeBps: slot.feeBps(),
        since: slot.since(),
        number: uint32(JobSlot.unwrap(slot) >> 80),
        delivery: slot.delivery()
    });
}
