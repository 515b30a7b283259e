// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Outcome, Tally} from "../interfaces/IFogRegistry.sol";

/// @notice What buyers say of sessions.
/// @param count How many.
/// @param sum The sum of their values.
struct Reviews {
    uint64 count;
    uint64 sum;
}

/// @notice How jobs ended for one provider, and what buyers say of sessions with him.
/// @param total Of all clients.
/// @param clients Who ever gave feedback, in the order of their first.
/// @param given By client.
/// @param reviews Of all clients.
/// @param said By client.
/// @param feedback Each by itself, jobs' ends and reviews in one sequence a client, 16 to a word: the value in the low
/// byte, the outcome above it.
struct Reputation {
    Tally total;
    address[] clients;
    mapping(address client => Tally) given;
    Reviews reviews;
    mapping(address client => Reviews) said;
    mapping(address client => mapping(uint256 word => uint256)) feedback;
}

/// @title ReputationLib
/// @notice Adds up how jobs ended and what buyers say, each by itself, and keeps all of it for who wants it.
library ReputationLib {
    /// @dev The first tag of how a job ended; the second is the outcome.
    string internal constant TAG = "fogchain";

    /// @dev The tags of a review.
    string internal constant REVIEW = "review";
    string internal constant SESSION = "session";

    /// @dev Where an outcome stands, of a review.
    uint8 private constant REVIEWED = 1 + uint8(Outcome.Slashed);

    /// @dev The hash of no tag, which any fits.
    bytes32 private constant ANY = keccak256("");

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
        index = _keep(self, client, uint8(outcome), value);
        _count(self.given[client], outcome, value);
        _count(self.total, outcome, value);
    }

    /// @return index As `add`.
    function addReview(Reputation storage self, address client, uint8 value) internal returns (uint64 index) {
        index = _keep(self, client, REVIEWED, value);
        _count(self.said[client], value);
        _count(self.reviews, value);
    }

    /// @return How many feedbacks of both kinds the client gave.
    function last(Reputation storage self, address client) internal view returns (uint64) {
        return self.given[client].count + self.said[client].count;
    }

    /// @return value What the client's feedback `index`, which must exist, is worth.
    /// @return first Its first tag.
    /// @return second Its second tag.
    function read(Reputation storage self, address client, uint64 index)
        internal
        view
        returns (uint8 value, string memory first, string memory second)
    {
        uint256 place = index - 1;
        uint256 entry = self.feedback[client][place / 16] >> place % 16 * 16;
        uint8 kind = uint8(entry >> 8);
        if (kind == REVIEWED) return (uint8(entry), REVIEW, SESSION);
        return (uint8(entry), TAG, tag(Outcome(kind)));
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
        (uint256 found, uint256 sum) = clients.length == 0 ? _select(self.total, self.reviews, first, second) : (0, 0);
        for (uint256 i; i < clients.length; ++i) {
            (uint256 more, uint256 worth) = _select(self.given[clients[i]], self.said[clients[i]], first, second);
            found += more;
            sum += worth;
        }
        // A client named many times counts as often, but no list is long enough to make 2^64 of it.
        if (found != 0) (count, value) = (uint64(found), int128(int256(sum * 100 / found)));
    }

    function _keep(Reputation storage self, address client, uint8 kind, uint8 value) private returns (uint64 index) {
        uint64 place = last(self, client);
        if (place == 0) self.clients.push(client);
        self.feedback[client][place / 16] |= (uint256(kind) << 8 | value) << uint256(place) % 16 * 16;
        return place + 1;
    }

    function _count(Reviews storage reviews, uint8 value) private {
        ++reviews.count;
        reviews.sum += value;
    }

    function _count(Tally storage tally, Outcome outcome, uint8 value) private {
        ++tally.count;
        tally.sum += value;
        if (outcome == Outcome.Settled) ++tally.settled;
        else if (outcome == Outcome.Late) ++tally.late;
        else if (outcome == Outcome.Expired) ++tally.expired;
        else ++tally.slashed;
    }

    function _select(Tally memory tally, Reviews memory reviews, bytes32 first, bytes32 second)
        private
        pure
        returns (uint256 count, uint256 sum)
    {
        if (first == ANY || first == keccak256(bytes(TAG))) (count, sum) = _select(tally, second);
        if (
            (first == ANY || first == keccak256(bytes(REVIEW)))
                && (second == ANY || second == keccak256(bytes(SESSION)))
        ) {
            count += reviews.count;
            sum += reviews.sum;
        }
    }

    function _select(Tally memory tally, bytes32 tagHash) private pure returns (uint256 count, uint256 sum) {
        if (tagHash == ANY) return (tally.count, tally.sum);
        // What is settled in time has 100 each, what is late the rest of the sum; the others have 0.
        uint256 inTime = uint256(tally.settled) * 100;
        if (tagHash == keccak256("settled")) return (tally.settled, inTime);
        if (tagHash == keccak256("late")) return (tally.late, tally.sum - inTime);
        if (tagHash == keccak256("expired")) return (tally.expired, 0);
        if (tagHash == keccak256("slashed")) return (tally.slashed, 0);
    }
}
