// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IFogMarket} from "./interfaces/IFogMarket.sol";
import {Bounds, FirstClass, IFogPricing, ResourceClass, SignedBid} from "./interfaces/IFogPricing.sol";
import {IFogRegistry} from "./interfaces/IFogRegistry.sol";
import {IVolumeReport} from "./interfaces/IVolumeReport.sol";
import {AuctionLib, Clearing, Lot} from "./libraries/AuctionLib.sol";
import {
    BID_TYPEHASH,
    DEFAULT_STEP_CAP,
    DEFAULT_TARGET_USE,
    EPOCH,
    MAX_CLASSES,
    MAX_STEP_CAP,
    MAX_TARGET_USE,
    MIN_PRICE,
    MIN_STEP_CAP,
    MIN_TARGET_USE
} from "./libraries/ConstantsLib.sol";
import {ErrorsLib} from "./libraries/ErrorsLib.sol";
import {EventsLib} from "./libraries/EventsLib.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title FogPricing
/// @notice Base prices that follow use, and a single-price auction for work that can wait.
contract FogPricing is IFogPricing, EIP712 {
    uint256 private constant BPS = 10_000;
    uint256 private constant GFUEL = 1e9;
    uint8 private constant BUY = 0;
    uint8 private constant SELL = 1;

    struct Auction {
        Clearing clearing;
        bytes32 root;
    }

    /* IMMUTABLES */

    /// @inheritdoc IFogPricing
    address public immutable timelock;

    /// @inheritdoc IFogPricing
    address public immutable market;

    /// @inheritdoc IFogPricing
    address public immutable registry;

    /* STORAGE */

    /// @inheritdoc IFogPricing
    uint16 public stepCap = DEFAULT_STEP_CAP;

    /// @inheritdoc IFogPricing
    uint16 public targetUse = DEFAULT_TARGET_USE;

    bytes32[] internal _names;

    mapping(bytes32 class => ResourceClass) internal _classes;

    /// @inheritdoc IFogPricing
    mapping(address provider => uint40) public reported;

    /// @inheritdoc IFogPricing
    mapping(address trader => mapping(uint40 round => bool)) public cancelled;

    /// @inheritdoc IFogPricing
    mapping(uint40 round => bytes32) public seed;

    mapping(bytes32 class => mapping(uint40 round => Auction)) internal _auctions;

    /* CONSTRUCTOR */

    constructor(address timelock_, address market_, address registry_, FirstClass[] memory first)
        EIP712("fogchain", "1")
    {
        if (timelock_ == address(0) || market_ == address(0) || registry_ == address(0)) {
            revert ErrorsLib.ZeroAddress();
        }
        timelock = timelock_;
        market = market_;
        registry = registry_;
        emit EventsLib.ControlSet(DEFAULT_STEP_CAP, DEFAULT_TARGET_USE);
        for (uint256 i; i < first.length; ++i) {
            _addClass(first[i].name, first[i].lot, first[i].perGfuel, first[i].perGiBs, first[i].bounds);
        }
    }

    /* MODIFIERS */

    modifier onlyTimelock() {
        if (msg.sender != timelock) revert ErrorsLib.NotTimelock(msg.sender);
        _;
    }

    /* CLASSES */

    /// @inheritdoc IFogPricing
    function addClass(bytes32 class, uint64 lot, uint96 perGfuel, uint96 perGiBs, Bounds calldata bounds)
        external
        onlyTimelock
    {
        _addClass(class, lot, perGfuel, perGiBs, bounds);
    }

    /// @inheritdoc IFogPricing
    function retireClass(bytes32 class) external onlyTimelock {
        _existing(class);
        delete _classes[class];
        uint256 last = _names.length - 1;
        for (uint256 i; i < last; ++i) {
            if (_names[i] == class) _names[i] = _names[last];
        }
        _names.pop();
        emit EventsLib.ClassRetired(class);
    }

    /// @inheritdoc IFogPricing
    function setBounds(bytes32 class, uint64 lot, Bounds calldata bounds) external onlyTimelock {
        ResourceClass storage c = _existing(class);
        _checkBounds(lot, bounds);
        _setBounds(class, c, lot, bounds);

        uint96 perGfuel = _within(c.perGfuel, bounds.fuelFloor, bounds.fuelCeiling);
        uint96 perGiBs = _within(c.perGiBs, bounds.memoryFloor, bounds.memoryCeiling);
        if (perGfuel != c.perGfuel || perGiBs != c.perGiBs) _setPrices(class, c, perGfuel, perGiBs, 0);
    }

    /// @inheritdoc IFogPricing
    function setControl(uint16 stepCap_, uint16 targetUse_) external onlyTimelock {
        if (stepCap_ < MIN_STEP_CAP || stepCap_ > MAX_STEP_CAP) revert ErrorsLib.OutOfBounds("stepCap", stepCap_);
        if (targetUse_ < MIN_TARGET_USE || targetUse_ > MAX_TARGET_USE) {
            revert ErrorsLib.OutOfBounds("targetUse", targetUse_);
        }
        stepCap = stepCap_;
        targetUse = targetUse_;
        emit EventsLib.ControlSet(stepCap_, targetUse_);
    }

    /* BASE PRICE */

    /// @inheritdoc IVolumeReport
    function report(address provider, uint256 volume) external {
        if (msg.sender != market) revert ErrorsLib.NotMarket(msg.sender);

        (bytes32 class, uint256 capacity) = IFogRegistry(registry).capacity(provider);
        ResourceClass storage c = _classes[class];
        uint256 perGfuel = c.perGfuel;
        if (perGfuel == 0) return;

        uint256 since = Math.max(reported[provider], c.stepped);
        reported[provider] = uint40(block.timestamp);
        uint256 most = capacity * GFUEL * (block.timestamp - since) / EPOCH;
        // No market has paid 2^128: then the product fits.
        uint256 fuel = Math.min(Math.min(volume, type(uint128).max) * GFUEL / perGfuel, most);
        // Nothing is exactly what there is to report.
        // slither-disable-next-line incorrect-equality
        if (fuel == 0) return;
        c.used += fuel;
        emit EventsLib.UsageReported(class, provider, fuel);
    }

    /// @inheritdoc IFogPricing
    function advance(bytes32 class) external {
        ResourceClass storage c = _existing(class);
        uint256 elapsed = block.timestamp - c.stepped;
        if (elapsed < EPOCH) revert ErrorsLib.SteppedAlready(c.stepped + EPOCH);

        (uint256 perGfuel, uint256 perGiBs) = (c.perGfuel, c.perGiBs);
        uint256 most = IFogRegistry(registry).capacityOf(class) * GFUEL * elapsed / EPOCH;
        uint256 use;
        if (most != 0) {
            // More than all is possible only when capacity left after it was used.
            use = Math.min(c.used * BPS / most, BPS);
            perGfuel = _step(perGfuel, use, c.bounds.fuelFloor, c.bounds.fuelCeiling);
            perGiBs = _step(perGiBs, use, c.bounds.memoryFloor, c.bounds.memoryCeiling);
        }
        c.stepped = uint40(block.timestamp);
        c.used = 0;
        // Within bounds that are uint96; use is at most BPS.
        _setPrices(class, c, uint96(perGfuel), uint96(perGiBs), uint16(use));
    }

    /* AUCTION */

    /// @inheritdoc IFogPricing
    function cancelBids(uint40 round) external {
        if (block.timestamp >= (uint256(round) + 1) * EPOCH) revert ErrorsLib.RoundOver(round);
        cancelled[msg.sender][round] = true;
        emit EventsLib.BidsCancelled(msg.sender, round);
    }

    /// @inheritdoc IFogPricing
    function seal(uint40 round) external {
        if (block.timestamp < (uint256(round) + 1) * EPOCH) revert ErrorsLib.NotInTime(round);
        _seal(round);
    }

    /// @inheritdoc IFogPricing
    function clear(bytes32 class, uint40 round, SignedBid[] calldata bids, SignedBid[] calldata asks) external {
        _existing(class);
        uint256 end = (uint256(round) + 1) * EPOCH;
        if (block.timestamp < end || block.timestamp >= end + EPOCH) revert ErrorsLib.NotInTime(round);

        _clear(class, round, _verify(class, round, BUY, bids), _verify(class, round, SELL, asks));
    }

    /* VIEWS */

    /// @inheritdoc IFogPricing
    function classes() external view returns (bytes32[] memory) {
        return _names;
    }

    /// @inheritdoc IFogPricing
    function resourceClass(bytes32 class) external view returns (ResourceClass memory) {
        return _classes[class];
    }

    /// @inheritdoc IFogPricing
    function basePrice(bytes32 class) external view returns (uint96 perGfuel, uint96 perGiBs) {
        ResourceClass storage c = _existing(class);
        return (c.perGfuel, c.perGiBs);
    }

    /// @inheritdoc IFogPricing
    function result(bytes32 class, uint40 round)
        external
        view
        returns (uint96 price, uint32 count, bytes32 root, bool isFinal)
    {
        Auction storage auction = _auctions[class][round];
        return (
            auction.clearing.price,
            auction.clearing.trades,
            auction.root,
            block.timestamp >= (uint256(round) + 2) * EPOCH
        );
    }

    /// @inheritdoc IFogPricing
    function trades(bytes32 class, uint40 round, bytes32 digest, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        bytes32 root = _auctions[class][round].root;
        return root != 0 && MerkleProof.verifyCalldata(proof, root, digest);
    }

    /// @inheritdoc IFogPricing
    function hashBid(address trader, bytes32 class, uint8 side, uint96 price, uint32 number, uint40 round)
        public
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(keccak256(abi.encode(BID_TYPEHASH, trader, class, side, price, number, round)));
    }

    /* INTERNAL */

    function _existing(bytes32 class) internal view returns (ResourceClass storage c) {
        c = _classes[class];
        if (c.perGfuel == 0) revert ErrorsLib.UnknownClass(class);
    }

    function _checkBounds(uint64 lot, Bounds memory bounds) internal pure {
        if (lot == 0) revert ErrorsLib.OutOfBounds("lot", lot);
        if (bounds.fuelFloor < MIN_PRICE) revert ErrorsLib.OutOfBounds("fuelFloor", bounds.fuelFloor);
        if (bounds.fuelCeiling < bounds.fuelFloor) revert ErrorsLib.OutOfBounds("fuelCeiling", bounds.fuelCeiling);
        if (bounds.memoryFloor < MIN_PRICE) revert ErrorsLib.OutOfBounds("memoryFloor", bounds.memoryFloor);
        if (bounds.memoryCeiling < bounds.memoryFloor) {
            revert ErrorsLib.OutOfBounds("memoryCeiling", bounds.memoryCeiling);
        }
    }

    function _addClass(bytes32 class, uint64 lot, uint96 perGfuel, uint96 perGiBs, Bounds memory bounds) internal {
        if (class == 0) revert ErrorsLib.BadClass();
        ResourceClass storage c = _classes[class];
        if (c.perGfuel != 0) revert ErrorsLib.ClassExists(class);
        if (_names.length == MAX_CLASSES) revert ErrorsLib.TooManyClasses();
        _checkBounds(lot, bounds);
        if (perGfuel != _within(perGfuel, bounds.fuelFloor, bounds.fuelCeiling)) {
            revert ErrorsLib.OutOfBounds("perGfuel", perGfuel);
        }
        if (perGiBs != _within(perGiBs, bounds.memoryFloor, bounds.memoryCeiling)) {
            revert ErrorsLib.OutOfBounds("perGiBs", perGiBs);
        }

        _names.push(class);
        c.stepped = uint40(block.timestamp);
        _setBounds(class, c, lot, bounds);
        _setPrices(class, c, perGfuel, perGiBs, 0);
    }

    function _setBounds(bytes32 class, ResourceClass storage c, uint64 lot, Bounds memory bounds) internal {
        c.lot = lot;
        c.bounds = bounds;
        emit EventsLib.ClassSet(
            class, lot, bounds.fuelFloor, bounds.fuelCeiling, bounds.memoryFloor, bounds.memoryCeiling
        );
    }

    function _setPrices(bytes32 class, ResourceClass storage c, uint96 perGfuel, uint96 perGiBs, uint16 use) internal {
        c.perGfuel = perGfuel;
        c.perGiBs = perGiBs;
        emit EventsLib.BasePrice(class, uint40(block.timestamp / EPOCH), perGfuel, perGiBs, use);
    }

    function _within(uint96 price, uint96 floor, uint96 ceiling) internal pure returns (uint96) {
        return price < floor ? floor : price > ceiling ? ceiling : price;
    }

    /// @return The price after a step, which is rounded towards none.
    function _step(uint256 price, uint256 use, uint96 floor, uint96 ceiling) internal view returns (uint256) {
        uint256 target = targetUse;
        if (use >= target) {
            return Math.min(price + price * stepCap * (use - target) / ((BPS - target) * BPS), ceiling);
        }
        return Math.max(price - price * stepCap * (target - use) / (target * BPS), floor);
    }

    function _seal(uint40 round) internal returns (bytes32 drawn) {
        drawn = seed[round];
        if (drawn != 0) return drawn;
        // The hash serves chains without a beacon, the beacon those whose proposer could try many hashes.
        drawn = keccak256(abi.encode(blockhash(block.number - 1), block.prevrandao, round));
        seed[round] = drawn;
        emit EventsLib.RoundSealed(round, drawn);
    }

    function _clear(bytes32 class, uint40 round, Lot[] memory buys, Lot[] memory sells) internal {
        _checkCover(class, buys, sells);
        Clearing memory found = AuctionLib.clear(buys, sells);
        if (found.trades == 0) revert ErrorsLib.NoTrades();
        Auction storage auction = _auctions[class][round];
        if (auction.root != 0 && !AuctionLib.better(found, auction.clearing)) revert ErrorsLib.NotBetter();

        bytes32 root = AuctionLib.root(AuctionLib.traded(buys, sells, found, _seal(round)));
        auction.clearing = found;
        auction.root = root;
        emit EventsLib.AuctionCleared(class, round, found.price, found.trades, root);
    }

    /// @dev Checks signatures and order, which is strict: no bid comes twice.
    function _verify(bytes32 class, uint40 round, uint8 side, SignedBid[] calldata signed)
        internal
        view
        returns (Lot[] memory lots)
    {
        lots = new Lot[](signed.length);
        for (uint256 i; i < signed.length; ++i) {
            SignedBid calldata bid = signed[i];
            Lot memory lot = Lot({
                trader: bid.trader,
                price: bid.price,
                number: bid.number,
                digest: hashBid(bid.trader, class, side, bid.price, bid.number, round)
            });
            if (i != 0 && !_follows(lots[i - 1], lot, side)) revert ErrorsLib.OutOfOrder(i);
            if (cancelled[lot.trader][round]) revert ErrorsLib.BidVoid(lot.trader);
            SignatureLib.check(lot.trader, lot.digest, bid.signature);
            lots[i] = lot;
        }
    }

    function _follows(Lot memory before, Lot memory lot, uint8 side) internal pure returns (bool) {
        if (lot.price == before.price) return lot.digest > before.digest;
        return side == BUY ? lot.price < before.price : lot.price > before.price;
    }

    /// @dev Each lot by itself, as if those of lower number had its price.
    function _checkCover(bytes32 class, Lot[] memory buys, Lot[] memory sells) internal view {
        uint256 lot = _classes[class].lot;
        for (uint256 i; i < buys.length; ++i) {
            Lot memory bid = buys[i];
            if (IFogMarket(market).free(bid.trader) < (uint256(bid.number) + 1) * lot * bid.price) {
                revert ErrorsLib.BidNotCovered(bid.trader, bid.number);
            }
        }
        for (uint256 i; i < sells.length; ++i) {
            Lot memory ask = sells[i];
            (bytes32 sold, uint256 capacity) = IFogRegistry(registry).capacity(ask.trader);
            if (sold != class || capacity < (uint256(ask.number) + 1) * lot) {
                revert ErrorsLib.AskNotCovered(ask.trader, ask.number);
            }
        }
    }
}
