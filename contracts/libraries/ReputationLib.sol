// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Outcome, Tally} from "../interfaces/IFogRegistry.sol";

/// @notice How jobs ended for one provider.
/// @param total Of all clients.
/// @param clients Who ever gave feedback, in the order of their first.
/// @param given By client.
/// @param feedback Each by itself, 16 to a word: the value in the low byte, the outcome above it.
struct Reputation {
    Tally total;
    address[] clients;
    mapping(address client => Tally) given;
    mapping(address client => mapping(uint256 word => uint256)) feedback;
}

/// @title ReputationLib
/// @notice Adds up how jobs ended, and keeps each for who wants it.
library ReputationLib {
    /// @dev The first tag of all feedback; the second is the outcome.
    string internal constant TAG = "fogchain";

    function tag(Outcome outcome) internal pure returns (string memory) {
        if (outcome == Outcome.Settled) return "settled";
        if (outcome == Outcome.Late) return "late";
        if (outcome == Outcome.Expired) return "expired";
        return "slashed";
    }

    /// @return index The number of this feedback among the client's, from 1 on.
    function add(Reputation storage self, address client, Outcome outcome, uint8 value)
        internal
        returns (uint64 index)
    {
        Tally storage given = self.given[client];
        uint256 place = given.count;
        if (place == 0) self.clients.push(client);
        self.feedback[client][place / 16] |= (uint256(outcome) << 8 | value) << place % 16 * 16;
        _count(given, outcome, value);
        _count(self.total, outcome, value);
        return given.count;
    }

    /// @return outcome How the job of the client's feedback `index` ended, which must exist.
    /// @return value What it was worth.
    function read(Reputation storage self, address client, uint64 index)
        internal
        view
        returns (Outcome outcome, uint8 value)
    {
        uint256 place = index - 1;
        uint256 entry = self.feedback[client][place / 16] >> place % 16 * 16;
        return (Outcome(uint8(entry >> 8)), uint8(entry));
    }

    /// @param clients Whose feedback counts; all when none is named.
    /// @param first The hash of the first tag to count, or of nothing for all.
    /// @param second As `first`, of the second tag.
    /// @return count How many feedbacks there are.
    /// @return value A hundred times their average, rounded down.
    function average(Reputation storage self, address[] calldata clients, bytes32 first, bytes32 second)
        internal
        view
        returns (uint64 count, int128 value)
    {
        if (first != keccak256("") && first != keccak256(bytes(TAG))) return (0, 0);
        (uint256 found, uint256 sum) = clients.length == 0 ? _select(self.total, second) : (0, 0);
        for (uint256 i; i < clients.length; ++i) {
            (uint256 more, uint256 worth) = _select(self.given[clients[i]], second);
            found += more;
            sum += worth;
        }
        // A client named many times counts as often, but no list is long enough to make 2^64 of it.
        if (found != 0) (count, value) = (uint64(found), int128(int256(sum * 100 / found)));
    }

    function _count(Tally storage tally, Outcome outcome, uint8 value) private {
        ++tally.count;
        tally.sum += value;
        if (outcome == Outcome.Settled) ++tally.settled;
        else if (outcome == Outcome.Late) ++tally.late;
        else if (outcome == Outcome.Expired) ++tally.expired;
        else ++tally.slashed;
    }

    function _select(Tally memory tally, bytes32 tagHash) private pure returns (uint256 count, uint256 sum) {
        if (tagHash == keccak256("")) return (tally.count, tally.sum);
        // What is settled in time has 100 each, what is late the rest of the sum; the others have 0.
        uint256 inTime = uint256(tally.settled) * 100;
        if (tagHash == keccak256("settled")) return (tally.settled, inTime);
        if (tagHash == keccak256("late")) return (tally.late, tally.sum - inTime);
        if (tagHash == keccak256("expired")) return (tally.expired, 0);
        if (tagHash == keccak256("slashed")) return (tally.slashed, 0);
    }
}
