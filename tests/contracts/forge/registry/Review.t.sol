// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery, Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {Node, Review, Tally} from "../../../../contracts/interfaces/IFogRegistry.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {bound, vm} from "../Vm.sol";
import {RegistryTest} from "./RegistryTest.sol";

/// @notice review: what a buyer says of his sessions, beside how jobs ended.
contract ReviewTest is RegistryTest {
    uint256 private agent = uint160(provider);
    uint256 private sessions;

    /// @dev A session that was opened and closed, without pay.
    function closed() private returns (bytes32 id) {
        vm.prank(buyer);
        id = market.openSession(provider, 1e18, inAnHour(), bytes32(++sessions));
        vm.prank(provider);
        market.closeSession(id);
    }

    function one(bytes32 id, uint8 value) private pure returns (Review[] memory reviews) {
        reviews = new Review[](1);
        reviews[0] = Review({session: id, value: value});
    }

    function review(address by, bytes32 id, uint8 value) private {
        vm.prank(by);
        registry.review(one(id, value));
    }

    function skipped(address by, bytes32 id) private {
        bool before = registry.reviewed(id);
        uint64 count = registry.getLastIndex(agent, by);
        vm.expectEmit(address(registry));
        emit EventsLib.ReviewSkipped(id, by);
        review(by, id, 50);
        vm.assertTrue(registry.reviewed(id) == before);
        vm.assertEq(registry.getLastIndex(agent, by), count);
    }

    function assertSummary(string memory tag1, string memory tag2, uint256 count, uint256 value) private view {
        address[] memory clients = new address[](0);
        for (uint256 round; round < 2; ++round) {
            (uint64 count_, int128 value_, uint8 decimals) = registry.getSummary(agent, clients, tag1, tag2);
            vm.assertEq(count_, count);
            vm.assertEq(uint256(int256(value_)), value);
            vm.assertEq(decimals, 2);
            clients = new address[](1);
            clients[0] = buyer;
        }
    }

    function testFuzz_BuyerSaysHowHisSessionWent(uint8 value) public {
        value = uint8(bound(value, 0, 100));
        bytes32 id = closed();
        vm.expectEmit(address(registry));
        emit EventsLib.NewFeedback(
            agent, buyer, 1, int128(uint128(value)), 0, "review", "review", "session", "", "", id
        );
        review(buyer, id, value);
        vm.assertTrue(registry.reviewed(id));
        assertSummary("review", "session", 1, uint256(value) * 100);
        (int128 value_, uint8 decimals, string memory tag1, string memory tag2, bool isRevoked) =
            registry.readFeedback(agent, buyer, 1);
        vm.assertEq(uint256(int256(value_)), value);
        vm.assertEq(decimals, 0);
        vm.assertEq(keccak256(bytes(tag1)), keccak256("review"));
        vm.assertEq(keccak256(bytes(tag2)), keccak256("session"));
        vm.assertFalse(isRevoked);
    }

    /// @dev What is not the caller's to say stops nothing else.
    function test_ManyAtOnce() public {
        bytes32 open_ = openSession(1e18);
        Review[] memory reviews = new Review[](4);
        for (uint256 i; i < 4; ++i) {
            reviews[i] = Review({session: i == 1 ? open_ : closed(), value: uint8(20 * i)});
        }
        reviews[3].session = reviews[0].session;
        vm.prank(buyer);
        registry.review(reviews);
        vm.assertEq(registry.getLastIndex(agent, buyer), 2);
        assertSummary("", "", 2, 2000);
        vm.assertFalse(registry.reviewed(open_));
    }

    function test_NothingSaidOfNothing() public {
        vm.prank(buyer);
        registry.review(new Review[](0));
        vm.assertEq(registry.getClients(agent).length, 0);
    }

    function testFuzz_ValueAbove100IsRefused(uint8 value) public {
        value = uint8(bound(value, 101, 255));
        bytes32 id = closed();
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.OutOfBounds.selector, bytes32("value"), value));
        review(buyer, id, value);
    }

    function test_SessionIsReviewedOnce() public {
        bytes32 id = closed();
        review(buyer, id, 100);
        skipped(buyer, id);
        assertSummary("review", "", 1, 10_000);
    }

    function testFuzz_NobodySpeaksForTheBuyer(address caller) public {
        vm.assume(caller != buyer);
        skipped(caller, closed());
    }

    function testFuzz_SessionThatNeverWasIsSkipped(bytes32 id) public {
        skipped(buyer, id);
    }

    function test_OpenSessionWaits() public {
        bytes32 id = openSession(1e18);
        skipped(buyer, id);
        vm.prank(provider);
        market.closeSession(id);
        review(buyer, id, 100);
        vm.assertTrue(registry.reviewed(id));
    }

    function test_OneHandSaysNothingOfItself() public {
        bytes32 id = closed();
        Node memory node = plain();
        (node.operator, node.operatorExpiry) = (buyer, inAnHour());
        node.operatorSignature = sign(BUYER_KEY, registry.hashOperates(provider, buyer, KEY, inAnHour()));
        register(provider, node);
        skipped(buyer, id);
    }

    /// @dev An opinion changes nothing of what the market says; both are one sequence for who reads all of it.
    function test_ReviewsAreApartFromHowJobsEnded() public {
        Terms memory t = terms();
        (t.price, t.breach) = (1e18, 0);
        open(t);
        vm.prank(buyer);
        market.settleSigned(t, t.price, "");
        Delivery memory none;

        review(buyer, closed(), 10);
        vm.assertEq(registry.rate(t, none), 2);
        review(buyer, closed(), 30);

        Tally memory tally = registry.tally(provider);
        vm.assertEq(tally.count, 1);
        vm.assertEq(tally.sum, 100);
        assertSummary("fogchain", "", 1, 10_000);
        assertSummary("fogchain", "session", 0, 0);
        assertSummary("review", "", 2, 2000);
        assertSummary("review", "settled", 0, 0);
        assertSummary("", "session", 2, 2000);
        assertSummary("", "settled", 1, 10_000);
        assertSummary("", "", 3, 4666);
        vm.assertEq(registry.getLastIndex(agent, buyer), 3);
        vm.assertEq(registry.getClients(agent).length, 1);
        (int128 value,, string memory tag1, string memory tag2,) = registry.readFeedback(agent, buyer, 2);
        vm.assertEq(uint256(int256(value)), 100);
        vm.assertEq(keccak256(bytes(tag1)), keccak256("fogchain"));
        vm.assertEq(keccak256(bytes(tag2)), keccak256("settled"));
        (value,,,,) = registry.readFeedback(agent, buyer, 3);
        vm.assertEq(uint256(int256(value)), 30);
    }
}
