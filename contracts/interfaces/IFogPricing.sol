// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IVolumeReport} from "./IVolumeReport.sol";

/// @notice Between what the base prices of a class stay.
/// @param fuelFloor The lowest price of a Gfuel, in base units of FOG.
/// @param fuelCeiling The highest.
/// @param memoryFloor The lowest price of a GiB for a second.
/// @param memoryCeiling The highest.
struct Bounds {
    uint96 fuelFloor;
    uint96 fuelCeiling;
    uint96 memoryFloor;
    uint96 memoryCeiling;
}

/// @notice A resource class and its base prices.
/// @param perGfuel The base price of a Gfuel, in base units of FOG; zero when there is no such class.
/// @param perGiBs The base price of a GiB of memory for a second.
/// @param stepped Block time of the last step, or of the opening.
/// @param lot What a lot of its auction has, in Gfuel.
/// @param bounds Between what the prices stay.
/// @param used What was reported since the last step, in fuel.
struct ResourceClass {
    uint96 perGfuel;
    uint96 perGiBs;
    uint40 stepped;
    uint64 lot;
    Bounds bounds;
    uint256 used;
}

/// @notice A resource class to begin with. See `addClass`.
struct FirstClass {
    bytes32 name;
    uint64 lot;
    uint96 perGfuel;
    uint96 perGiBs;
    Bounds bounds;
}

/// @notice A bid to buy, or an ask to sell, one lot. Class, round and side are those of the submission.
/// @param trader The buyer's account, or the owner of the seller's node.
/// @param price The most he pays, or the least he takes, for a Gfuel, in base units of FOG.
/// @param number Tells apart the lots of one trader, side and round: 0, 1, 2 ...
/// @param signature His signature of Bid, as `hashBid` gives it.
struct SignedBid {
    address trader;
    uint96 price;
    uint32 number;
    bytes signature;
}

/// @title IFogPricing
/// @notice What computing should cost. Each resource class has a base price that follows its use, for offers to be made
/// as multiples of it; and each epoch has an auction for work that can wait, worked out by anyone and checked here.
/// Prices here move no money: the market pays what buyer and provider signed.
/// @dev Prices are base units of FOG per Gfuel (10^9 fuel), and per GiB and second of memory; times Unix seconds of
/// block time. An epoch is a round of the auction: round n runs from 600 n to 600 (n + 1).
///
/// The auction's limits. A trader of one lot has nothing to gain by bidding anything but his worth, and nothing to
/// learn from the bids of others; a trader of several lots may. Who first seals a round picks the block, and a proposer
/// of blocks has one more try: for who of the sellers is left out by lot, not for the price. And who submits last, with
/// bids of his own that others had no time to take in, decides: each must be covered by a balance or by capacity.
interface IFogPricing is IVolumeReport {
    /// @notice Opens a resource class with its first base prices. Only the timelock.
    function addClass(bytes32 class, uint64 lot, uint96 perGfuel, uint96 perGiBs, Bounds calldata bounds) external;

    /// @notice Closes a resource class; its name can be opened again. Only the timelock.
    function retireClass(bytes32 class) external;

    /// @notice Sets lot and bounds of a resource class. Only the timelock. Prices outside move to the bound at once.
    function setBounds(bytes32 class, uint64 lot, Bounds calldata bounds) external;

    /// @notice Sets the greatest step, 50 to 1,250, and the use at which prices stay, 5,000 to 9,000; in basis
    /// points. Only the timelock.
    function setControl(uint16 stepCap, uint16 targetUse) external;

    /// @notice Counts what `provider` was paid as use of his node's class, at its base price. Only the market.
    /// @dev At most what the capacity that his bond covers could do since his last report, or since the class's last
    /// step if that was later: so the use of a class never exceeds its capacity, and who pays himself to feign use, and
    /// a fee for it, feigns no more than his own share. Nothing is counted for who has no node.
    /// @param volume In base units of FOG.
    function report(address provider, uint256 volume) external;

    /// @notice Moves the base prices of a class by one step, in proportion to how far its use was from the target: up
    /// by the greatest step when all of the capacity was in use, down by it when none was. Anyone may call it, once in
    /// 600 s; epochs that were missed are one step. Without capacity the prices stay.
    /// @dev The use is that since the last step; it is as good as providers' fees are collected, which anyone can do.
    function advance(bytes32 class) external;

    /// @notice Takes back all bids of the caller for a round that is not over.
    function cancelBids(uint40 round) external;

    /// @notice Fixes the seed of the round's lottery from this block: once, after the round's end. `clear` does it too.
    function seal(uint40 round) external;

    /// @notice Submits the bids of a round in the 600 s after its end. What takes in more replaces what was submitted
    /// before: see AuctionLib.better. Reverts when anything is wrong with any bid.
    /// @param bids To buy: dearest first, those of one price by their hash.
    /// @param asks To sell: cheapest first, those of one price by their hash. Each is of the owner of a node of this
    /// class whose counted capacity covers as many lots.
    function clear(bytes32 class, uint40 round, SignedBid[] calldata bids, SignedBid[] calldata asks) external;

    /// @notice Who may set parameters.
    function timelock() external view returns (address);

    /// @notice Whose payments are reported, and whose balances cover bids.
    function market() external view returns (address);

    /// @notice Where nodes and their capacity are.
    function registry() external view returns (address);

    /// @notice The greatest step of a base price, in basis points.
    function stepCap() external view returns (uint16);

    /// @notice The use of a class at which its prices stay, in basis points.
    function targetUse() external view returns (uint16);

    /// @notice The names of all resource classes.
    function classes() external view returns (bytes32[] memory);

    /// @notice A resource class; all zero when there is none.
    function resourceClass(bytes32 class) external view returns (ResourceClass memory);

    /// @notice The base prices of a class. Reverts when there is none.
    function basePrice(bytes32 class) external view returns (uint96 perGfuel, uint96 perGiBs);

    /// @notice Block time of the last report of the provider.
    function reported(address provider) external view returns (uint40);

    /// @notice Whether the trader took back his bids of the round.
    function cancelled(address trader, uint40 round) external view returns (bool);

    /// @notice The seed of the round's lottery; zero while it is not sealed.
    function seed(uint40 round) external view returns (bytes32);

    /// @notice What the round's best submission comes to; all zero while there is none.
    /// @return price What each trade pays for a Gfuel.
    /// @return trades How many lots trade.
    /// @return root Of the Merkle tree of the hashes of bids and asks that trade.
    /// @return isFinal Whether no other submission can replace it.
    function result(bytes32 class, uint40 round)
        external
        view
        returns (uint96 price, uint32 trades, bytes32 root, bool isFinal);

    /// @notice Whether the bid or ask of this hash trades, by its proof from the result's root.
    function trades(bytes32 class, uint40 round, bytes32 digest, bytes32[] calldata proof) external view returns (bool);

    /// @notice The 32 bytes a trader signs: EIP-712 Bid(address trader,bytes32 class,uint8 side,uint96 price,
    /// uint32 number,uint40 round). The round is its expiry.
    /// @param side 0 buys, 1 sells.
    function hashBid(address trader, bytes32 class, uint8 side, uint96 price, uint32 number, uint40 round)
        external
        view
        returns (bytes32);
}
