// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {VOLUME_UNIT} from "./ConstantsLib.sol";
import {ErrorsLib} from "./ErrorsLib.sol";

/// @notice An account's balance in one word, from the lowest bit:
///
///     free 96 | fees 96 | volume 64
///
/// Fees stay beside the pay they were kept back from until they are collected, so that a payment writes one slot only.
/// @dev Free balances and fees are tokens of the market, of which there are fewer than 2^90: sums of them never carry
/// from one field into the next.
type AccountSlot is uint256;

using {free, fees, volume, collected} for AccountSlot global;

function free(AccountSlot slot) pure returns (uint96) {
    return uint96(AccountSlot.unwrap(slot));
}

function fees(AccountSlot slot) pure returns (uint96) {
    return uint96(AccountSlot.unwrap(slot) >> 96);
}

function volume(AccountSlot slot) pure returns (uint64) {
    return uint64(AccountSlot.unwrap(slot) >> 192);
}

/// @dev The slot once its fees and volume were collected.
function collected(AccountSlot slot) pure returns (AccountSlot) {
    return AccountSlot.wrap(uint96(AccountSlot.unwrap(slot)));
}

/// @dev What `gross` adds to an account, less its fee, which is rounded down and kept back.
function earnings(uint256 gross, uint256 feeBps) pure returns (AccountSlot earned, uint256 fee) {
    unchecked {
        // `gross` is a uint96, and the fee at most MAX_FEE of it.
        fee = gross * feeBps / 10_000;
        earned = AccountSlot.wrap(gross - fee | fee << 96 | gross / VOLUME_UNIT << 192);
    }
}

/// @title AccountsLib
/// @notice Adds to accounts and takes from them.
library AccountsLib {
    /// @dev Adds `earned`, member by member. Reverts when 2^64 units of volume wait to be collected, which is twenty
    /// times all FOG.
    function credit(mapping(address => AccountSlot) storage accounts, address owner, AccountSlot earned) internal {
        (uint256 place, uint256 before) = _read(accounts, owner);
        uint256 more = AccountSlot.unwrap(earned);
        unchecked {
            uint256 sum = before + more;
            if (sum < more) revert ErrorsLib.FeesUncollected(owner);
            _write(place, sum);
        }
    }

    /// @dev The same for each of `owners`.
    function creditAll(mapping(address => AccountSlot) storage accounts, address[] memory owners, AccountSlot earned)
        internal
    {
        address full;
        assembly ("memory-safe") {
            mstore(0x20, accounts.slot)
            let end := add(add(owners, 0x20), shl(5, mload(owners)))
            for { let at := add(owners, 0x20) } lt(at, end) { at := add(at, 0x20) } {
                mstore(0x00, mload(at))
                let place := keccak256(0x00, 0x40)
                let sum := add(sload(place), earned)
                if lt(sum, earned) { full := mload(at) }
                sstore(place, sum)
            }
        }
        if (full != address(0)) revert ErrorsLib.FeesUncollected(full);
    }

    /// @dev Takes `amount` from the free balance.
    function debit(mapping(address => AccountSlot) storage accounts, address owner, uint96 amount) internal {
        (uint256 place, uint256 before) = _read(accounts, owner);
        uint96 available = uint96(before);
        if (amount > available) revert ErrorsLib.InsufficientBalance(available, amount);
        unchecked {
            _write(place, before - amount);
        }
    }

    /// @dev By hand, so that the place in storage is hashed once for reading and writing.
    function _read(mapping(address => AccountSlot) storage accounts, address owner)
        private
        view
        returns (uint256 place, uint256 value)
    {
        assembly ("memory-safe") {
            mstore(0x00, shr(96, shl(96, owner)))
            mstore(0x20, accounts.slot)
            place := keccak256(0x00, 0x40)
            value := sload(place)
        }
    }

    function _write(uint256 place, uint256 value) private {
        assembly ("memory-safe") {
            sstore(place, value)
        }
    }
}
