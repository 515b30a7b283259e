// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {AuctionLib, Clearing, Lot} from "../../../../contracts/libraries/AuctionLib.sol";
import {vm} from "../Vm.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

/// @notice What makes the auction what it is, on markets of up to 8 lots a side with few prices, so that ties are many.
contract AuctionLibTest {
    uint96 private constant PRICES = 12;

    function market(bytes32 seed, uint256 n, bool buy) private pure returns (Lot[] memory lots) {
        lots = new Lot[](n);
        for (uint256 i; i < n; ++i) {
            bytes32 word = keccak256(abi.encode(seed, buy, i));
            lots[i] = Lot({
                trader: address(uint160(uint256(word))), price: uint96(uint256(word) % PRICES), number: 0, digest: word
            });
        }
        sort(lots, buy);
    }

    function sort(Lot[] memory lots, bool buy) private pure {
        for (uint256 i = 1; i < lots.length; ++i) {
            for (uint256 k = i; k > 0; --k) {
                bool swap = buy ? lots[k].price > lots[k - 1].price : lots[k].price < lots[k - 1].price;
                if (swap) (lots[k], lots[k - 1]) = (lots[k - 1], lots[k]);
            }
        }
    }

    function testFuzz_NobodyLosesAndOnlyDealsTrade(bytes32 seed, uint256 n, uint256 m) public pure {
        Lot[] memory buys = market(seed, n % 9, true);
        Lot[] memory sells = market(seed, m % 9, false);
        Clearing memory found = AuctionLib.clear(buys, sells);
        for (uint256 i; i < found.trades; ++i) {
            vm.assertGe(buys[i].price, found.price, "a buyer pays more than he bid");
        }
        // Any of the first `deals` sellers may trade.
        for (uint256 i; found.trades != 0 && i < found.deals; ++i) {
            vm.assertLe(sells[i].price, found.price, "a seller gets less than he asked");
        }
        vm.assertLe(found.deals - found.trades, 1, "more than one deal is lost");
        uint256 most = buys.length < sells.length ? buys.length : sells.length;
        if (found.deals < most) vm.assertTrue(buys[found.deals].price < sells[found.deals].price, "a deal is missed");
    }

    /// @dev What a trader of one lot can expect, times `deals` so that the lottery needs no fraction.
    function expectation(Lot[] memory buys, Lot[] memory sells, bytes32 who, uint96 worth, bool buy)
        private
        pure
        returns (int256 gain, uint256 scale)
    {
        Clearing memory found = AuctionLib.clear(buys, sells);
        scale = found.deals == 0 ? 1 : found.deals;
        uint256 last = buy ? found.trades : found.trades == 0 ? 0 : found.deals;
        for (uint256 i; i < last; ++i) {
            if ((buy ? buys[i] : sells[i]).digest != who) continue;
            int256 each = buy
                ? int256(uint256(worth)) - int256(uint256(found.price))
                : int256(uint256(found.price)) - int256(uint256(worth));
            gain = each * int256(buy ? scale : found.trades);
        }
    }

    /// @dev The theorem of the paper: bidding the truth is best, whatever the others bid.
    function testFuzz_NobodyGainsByLying(bytes32 seed, uint256 n, uint256 m, uint256 who, uint96 lie, bool buy)
        public
        pure
    {
        Lot[] memory buys = market(seed, 1 + n % 8, true);
        Lot[] memory sells = market(seed, 1 + m % 8, false);
        Lot[] memory side = buy ? buys : sells;
        Lot memory liar = side[who % side.length];
        (bytes32 name, uint96 worth) = (liar.digest, liar.price);
        (int256 honest, uint256 honestScale) = expectation(buys, sells, name, worth, buy);
        liar.price = lie % (PRICES + 1);
        sort(side, buy);
        (int256 lying, uint256 lyingScale) = expectation(buys, sells, name, worth, buy);
        vm.assertTrue(honest >= 0, "the truth costs");
        vm.assertTrue(lying * int256(honestScale) <= honest * int256(lyingScale), "the lie pays");
    }

    /// @dev Who leaves out a bid never has the better submission.
    function testFuzz_LeavingOutNeverWins(bytes32 seed, uint256 n, uint256 m, uint256 out) public pure {
        Lot[] memory buys = market(seed, 1 + n % 8, true);
        Lot[] memory sells = market(seed, 1 + m % 8, false);
        Clearing memory full = AuctionLib.clear(buys, sells);
        bool buy = out % 2 == 0;
        Lot[] memory side = buy ? buys : sells;
        Lot[] memory less = new Lot[](side.length - 1);
        uint256 skipped = (out / 2) % side.length;
        for (uint256 i; i < less.length; ++i) {
            less[i] = side[i < skipped ? i : i + 1];
        }
        Clearing memory part = buy ? AuctionLib.clear(less, sells) : AuctionLib.clear(buys, less);
        vm.assertFalse(AuctionLib.better(part, full));
        vm.assertFalse(AuctionLib.better(full, full));
    }

    function test_PriceAtTheEndsOfItsType() public pure {
        Lot[] memory buys = new Lot[](2);
        Lot[] memory sells = new Lot[](2);
        (buys[0].price, buys[1].price) = (type(uint96).max, type(uint96).max);
        Clearing memory found = AuctionLib.clear(buys, sells);
        vm.assertEq(found.trades, 1);
        vm.assertEq(found.price, type(uint96).max);
        vm.assertEq(found.gain, 2 * uint256(type(uint96).max));
        vm.assertEq(found.nextAsk, type(uint96).max);
        vm.assertEq(found.nextBid, 0);
    }

    /// @dev Over many seeds each of four sellers is left out about as often as the others.
    function test_LotFallsOnEverybodyAlike() public pure {
        Lot[] memory sells = market("sellers", 4, false);
        uint256[4] memory times;
        for (uint256 i; i < 4000; ++i) {
            ++times[AuctionLib.draw(sells, 4, keccak256(abi.encode(i)))];
        }
        for (uint256 i; i < 4; ++i) {
            vm.assertGe(times[i], 880, "too seldom");
            vm.assertLe(times[i], 1120, "too often");
        }
    }

    function testFuzz_LotDependsOnTraderAndNumberOnly(bytes32 seed, uint96 price, bytes32 digest) public pure {
        Lot[] memory sells = market(seed, 5, false);
        uint256 excluded = AuctionLib.draw(sells, 5, seed);
        for (uint256 i; i < 5; ++i) {
            (sells[i].price, sells[i].digest) = (price, digest);
        }
        vm.assertEq(AuctionLib.draw(sells, 5, seed), excluded);
    }

    function testFuzz_RootIsWhatMerkleProofChecks(bytes32 seed, uint256 n, uint256 which) public pure {
        n = 1 + n % 20;
        bytes32[] memory level = new bytes32[](n);
        for (uint256 i; i < n; ++i) {
            level[i] = keccak256(abi.encode(seed, i));
        }
        which %= n;
        bytes32 leaf = level[which];
        bytes32[] memory copy = new bytes32[](n);
        for (uint256 i; i < n; ++i) {
            copy[i] = level[i];
        }
        bytes32 root = AuctionLib.root(copy);

        bytes32[] memory proof = new bytes32[](5);
        uint256 depth;
        while (n > 1) {
            if (which ^ 1 < n) proof[depth++] = level[which ^ 1];
            uint256 next = (n + 1) / 2;
            for (uint256 i; i < next; ++i) {
                bytes32 a = level[2 * i];
                if (2 * i + 1 == n) level[i] = a;
                else level[i] = pairHash(a, level[2 * i + 1]);
            }
            (n, which) = (next, which / 2);
        }
        assembly {
            mstore(proof, depth)
        }
        vm.assertTrue(MerkleProof.verify(proof, root, leaf));
    }

    function pairHash(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }
}
