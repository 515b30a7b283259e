// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";

/// @notice One bid or ask for one lot, its signature checked.
struct Lot {
    address trader;
    uint96 price;
    uint32 number;
    bytes32 digest;
}

/// @notice What a set of bids comes to.
/// @param price What each trade pays.
/// @param trades How many lots trade.
/// @param gain The sum over the deals of bid less ask: what they are worth to all traders together.
/// @param nextBid The dearest bid after the deals; zero when there is none.
/// @param nextAsk The cheapest ask after the deals; the greatest value when there is none.
/// @param deals How many of the dearest bids meet a cheapest ask that is not dearer.
struct Clearing {
    uint96 price;
    uint32 trades;
    uint128 gain;
    uint96 nextBid;
    uint96 nextAsk;
    uint32 deals;
}

/// @title AuctionLib
/// @notice The single-price double auction SBBA of Segal-Halevi, Hassidim and Aumann (arXiv 1607.05139). All who trade
/// trade at one price, which no trader of one lot can move in his favour by bidding anything but what it is worth to
/// him, and no money is left over.
/// @dev With bids b1 >= b2 >= ... and asks s1 <= s2 <= ..., let k be the last index with bk >= sk. The price is the
/// lower of s(k+1) and bk. If it is s(k+1), all k pairs trade: the price is set by a seller who does not. If it is bk,
/// buyer k set it and does not trade, and one of the k sellers is left out by lot.
library AuctionLib {
    /// @notice Bids and asks must be sorted, dearest bid and cheapest ask first.
    function clear(Lot[] memory bids, Lot[] memory asks) internal pure returns (Clearing memory found) {
        uint256 most = bids.length < asks.length ? bids.length : asks.length;
        uint256 k;
        uint128 gain;
        while (k < most && bids[k].price >= asks[k].price) {
            unchecked {
                // Fewer than 2^32 summands below 2^96.
                gain += bids[k].price - asks[k].price;
                ++k;
            }
        }
        found.deals = uint32(k);
        found.gain = gain;
        found.nextBid = k < bids.length ? bids[k].price : 0;
        found.nextAsk = k < asks.length ? asks[k].price : type(uint96).max;
        if (k == 0) return found;

        uint96 last = bids[k - 1].price;
        bool all = k < asks.length && found.nextAsk <= last;
        found.price = all ? found.nextAsk : last;
        found.trades = uint32(all ? k : k - 1);
    }

    /// @notice Whether `a` took in more than `b`. Adding honest bids to a set never makes it worse in this order, so
    /// that nobody gains by leaving some out: whoever has all of them has the last word.
    /// @dev The number of trades alone would not do: the best ask left out can move the price at the same number.
    function better(Clearing memory a, Clearing memory b) internal pure returns (bool) {
        if (a.gain != b.gain) return a.gain > b.gain;
        if (a.deals != b.deals) return a.deals > b.deals;
        if (a.nextAsk != b.nextAsk) return a.nextAsk < b.nextAsk;
        return a.nextBid > b.nextBid;
    }

    /// @notice Which of the first `deals` asks is left out: the one whose trader and number draw the lowest lot.
    /// @dev Nothing else of an ask counts, so that signing it again draws no other lot.
    function draw(Lot[] memory asks, uint256 deals, bytes32 seed) internal pure returns (uint256 excluded) {
        bytes32 lowest = bytes32(type(uint256).max);
        for (uint256 i; i < deals; ++i) {
            bytes32 lot = Hashes.efficientKeccak256(seed, bytes32(_identity(asks[i])));
            if (lot <= lowest) (lowest, excluded) = (lot, i);
        }
    }

    /// @notice The digests of the bids that trade, then of the asks.
    function traded(Lot[] memory bids, Lot[] memory asks, Clearing memory found, bytes32 seed)
        internal
        pure
        returns (bytes32[] memory digests)
    {
        uint256 trades = found.trades;
        uint256 excluded = trades == found.deals ? type(uint256).max : draw(asks, found.deals, seed);
        digests = new bytes32[](2 * trades);
        uint256 ask;
        for (uint256 i; i < trades; ++i) {
            if (ask == excluded) ++ask;
            digests[i] = bids[i].digest;
            digests[trades + i] = asks[ask].digest;
            ++ask;
        }
    }

    /// @notice The root of a Merkle tree as OpenZeppelin's MerkleProof checks it: pairs sorted, an odd one moves up.
    /// @dev Leaves are EIP-712 digests, whose preimages have 66 bytes, and never pass for a node, whose have 64.
    /// Overwrites `leaves`.
    function root(bytes32[] memory leaves) internal pure returns (bytes32) {
        uint256 n = leaves.length;
        while (n > 1) {
            uint256 half = n / 2;
            for (uint256 i; i < half; ++i) {
                leaves[i] = Hashes.commutativeKeccak256(leaves[2 * i], leaves[2 * i + 1]);
            }
            if (n % 2 == 1) leaves[half] = leaves[n - 1];
            n -= half;
        }
        return leaves[0];
    }

    function _identity(Lot memory lot) private pure returns (uint256) {
        return uint256(uint160(lot.trader)) << 32 | lot.number;
    }
}
