// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Bounds, SignedBid} from "../../../../contracts/interfaces/IFogPricing.sol";
import {vm} from "../Vm.sol";
import {RegistryTest} from "../registry/RegistryTest.sol";

/// @notice One class "cpu" at 0.5 FOG a Gfuel, and a node that has its whole capacity: 1,000 Gfuel an epoch.
abstract contract PricingTest is RegistryTest {
    uint96 internal constant PER_GFUEL = 0.5e18;
    uint96 internal constant PER_GIBS = 0.001e18;
    uint64 internal constant LOT = 100;
    uint8 internal constant BUY = 0;
    uint8 internal constant SELL = 1;

    function setUp() public virtual override {
        super.setUp();
        addClass(CPU);
        bond(seller, 100e18);
        register(seller, plain());
    }

    function bounds() internal pure returns (Bounds memory) {
        return Bounds({fuelFloor: 0.01e18, fuelCeiling: 50e18, memoryFloor: 0.0001e18, memoryCeiling: 1e18});
    }

    function addClass(bytes32 class) internal {
        vm.prank(timelock);
        pricing.addClass(class, LOT, PER_GFUEL, PER_GIBS, bounds());
    }

    function perGfuel() internal view returns (uint96 price) {
        (price,) = pricing.basePrice(CPU);
    }

    function report(address node, uint256 volume) internal {
        vm.prank(address(market));
        pricing.report(node, volume);
    }

    // ---- auction

    function round() internal view returns (uint40) {
        return uint40(block.timestamp / 600);
    }

    function endRound() internal {
        vm.warp((block.timestamp / 600 + 1) * 600);
        vm.roll(block.number + 50);
    }

    function key(uint8 side, uint256 i) internal pure returns (uint256) {
        return 0x10000 * (1 + uint256(side)) + i;
    }

    function trader(uint8 side, uint256 i) internal pure returns (address) {
        return vm.addr(key(side, i));
    }

    /// @dev Gives buyer `i` money in the market for as many lots at that price.
    function fund(uint256 i, uint256 lots, uint96 price) internal {
        uint96 amount = uint96(lots * LOT * price);
        vm.prank(treasury);
        token.transfer(trader(BUY, i), amount);
        vm.startPrank(trader(BUY, i));
        token.approve(address(market), amount);
        market.deposit(amount);
        vm.stopPrank();
    }

    /// @dev Gives seller `i` a node with bonded capacity for as many lots.
    function equip(uint256 i, uint256 lots) internal {
        bond(trader(SELL, i), uint96(lots * LOT * 0.1e18));
        vm.prank(trader(SELL, i));
        registry.register(withCapacity(uint64(lots * LOT)));
    }

    function bid(uint8 side, uint256 i, uint96 price, uint32 number, uint40 inRound)
        internal
        view
        returns (SignedBid memory)
    {
        bytes32 digest = pricing.hashBid(trader(side, i), CPU, side, price, number, inRound);
        return SignedBid({trader: trader(side, i), price: price, number: number, signature: sign(key(side, i), digest)});
    }

    /// @dev Trader i bids prices[i] for his lot 0; sorted as `clear` wants it.
    function bids(uint8 side, uint96[] memory prices, uint40 inRound) internal view returns (SignedBid[] memory all) {
        all = new SignedBid[](prices.length);
        for (uint256 i; i < prices.length; ++i) {
            all[i] = bid(side, i, prices[i], 0, inRound);
        }
        sort(side, all, inRound);
    }

    function sort(uint8 side, SignedBid[] memory all, uint40 inRound) internal view {
        for (uint256 i = 1; i < all.length; ++i) {
            for (uint256 k = i; k > 0 && comesBefore(side, all[k], all[k - 1], inRound); --k) {
                (all[k], all[k - 1]) = (all[k - 1], all[k]);
            }
        }
    }

    function comesBefore(uint8 side, SignedBid memory a, SignedBid memory b, uint40 inRound)
        private
        view
        returns (bool)
    {
        if (a.price != b.price) return side == BUY ? a.price > b.price : a.price < b.price;
        return digestOf(side, a, inRound) < digestOf(side, b, inRound);
    }

    function digestOf(uint8 side, SignedBid memory b, uint40 inRound) internal view returns (bytes32) {
        return pricing.hashBid(b.trader, CPU, side, b.price, b.number, inRound);
    }

    /// @dev Prices in FOG a Gfuel.
    function fog(uint96[4] memory whole, uint256 n) internal pure returns (uint96[] memory prices) {
        prices = new uint96[](n);
        for (uint256 i; i < n; ++i) {
            prices[i] = whole[i] * 1e18;
        }
    }
}
