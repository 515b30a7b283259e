// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Delivery, JobState, Terms} from "../../../../contracts/interfaces/IFogMarket.sol";
import {Node, Tally} from "../../../../contracts/interfaces/IFogRegistry.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {bound, vm} from "../Vm.sol";
import {RegistryTest} from "./RegistryTest.sol";

/// @notice rate, and what ERC-8004's readers see of it.
contract RateTest is RegistryTest {
    uint256 private agent = uint160(provider);
    uint256 private jobs;

    function emitted(uint64 index, int128 value, string memory tag, bytes32 job) private {
        vm.expectEmit(address(registry));
        emit EventsLib.NewFeedback(agent, buyer, index, value, 0, "fogchain", "fogchain", tag, "", "", job);
    }

    /// @dev Another job than the ones before.
    function fresh() private returns (Terms memory t) {
        t = terms();
        t.work = keccak256(abi.encode(++jobs));
        t.price = 1e18;
        t.breach = 0;
    }

    /// @dev A job that was delivered `late` seconds after it was due, and paid because nobody challenged it.
    function finished(uint256 late) private returns (Terms memory t, Delivery memory d) {
        t = fresh();
        open(t);
        vm.warp(t.due + late);
        d = deliver(t);
        vm.warp(block.timestamp + WINDOW);
        market.finalize(t, d);
    }

    function accepted() private returns (Terms memory t) {
        t = fresh();
        open(t);
        vm.prank(buyer);
        market.settleSigned(t, t.price, "");
    }

    function expired() private returns (Terms memory t) {
        t = fresh();
        open(t);
        vm.warp(t.lateBy);
        market.expire(t);
    }

    function slashed() private returns (Terms memory t, Delivery memory d) {
        t = fresh();
        open(t);
        d = deliver(t);
        vm.prank(buyer);
        market.challenge(t, d);
        vm.prank(address(court));
        market.rule(t, d, true, 5e18, address(0));
    }

    function nothing() private pure returns (Delivery memory d) {}

    function all() private pure returns (address[] memory) {
        return new address[](0);
    }

    function only(address client) private pure returns (address[] memory clients) {
        clients = new address[](1);
        clients[0] = client;
    }

    function summary(address[] memory clients, string memory tag) private view returns (uint64 count, int128 value) {
        uint8 decimals;
        (count, value, decimals) = registry.getSummary(agent, clients, "fogchain", tag);
        vm.assertEq(decimals, 2);
    }

    function assertSummary(address[] memory clients, string memory tag, uint256 count, uint256 value) private view {
        (uint64 count_, int128 value_) = summary(clients, tag);
        vm.assertEq(count_, count);
        vm.assertEq(uint256(int256(value_)), value);
    }

    // ---- outcomes

    function testFuzz_InTimeIs100(address caller) public {
        (Terms memory t, Delivery memory d) = finished(0);
        emitted(1, 100, "settled", market.hashTerms(t));
        vm.prank(caller);
        vm.assertEq(registry.rate(t, d), 1);
        vm.assertTrue(registry.rated(market.hashTerms(t)));
        vm.assertEq(registry.tally(provider).settled, 1);
    }

    /// @dev Half of the grace gone is half of the value, as it is half of the pay.
    function testFuzz_LateFallsAsThePayDoes(uint256 late) public {
        late = bound(late, 1, 1 hours - 1);
        (Terms memory t, Delivery memory d) = finished(late);
        uint256 value = 100 * (1 hours - late) / 1 hours;
        emitted(1, int128(int256(value)), "late", market.hashTerms(t));
        registry.rate(t, d);
        Tally memory tally = registry.tally(provider);
        vm.assertEq(tally.late, 1);
        vm.assertEq(tally.sum, value);
        assertSummary(all(), "late", 1, value * 100);
    }

    function test_AcceptedWithoutADeliveryIs100() public {
        Terms memory t = accepted();
        emitted(1, 100, "settled", market.hashTerms(t));
        registry.rate(t, nothing());
    }

    function test_NothingDeliveredIs0() public {
        Terms memory t = expired();
        emitted(1, 0, "expired", market.hashTerms(t));
        registry.rate(t, nothing());
        vm.assertEq(registry.tally(provider).expired, 1);
    }

    function test_SlashedIs0() public {
        (Terms memory t, Delivery memory d) = slashed();
        emitted(1, 0, "slashed", market.hashTerms(t));
        registry.rate(t, d);
        vm.assertEq(registry.tally(provider).slashed, 1);
    }

    // ---- refusals

    function test_JobIsRatedOnce() public {
        (Terms memory t, Delivery memory d) = finished(0);
        registry.rate(t, d);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.RatedAlready.selector, market.hashTerms(t)));
        registry.rate(t, d);
    }

    function test_JobThatDidNotEndIsRefused() public {
        Terms memory t = fresh();
        bytes32 id = market.hashTerms(t);
        refused(t, nothing(), id, JobState.None);
        open(t);
        refused(t, nothing(), id, JobState.Open);
        Delivery memory d = deliver(t);
        refused(t, d, id, JobState.Delivered);
        vm.prank(buyer);
        market.challenge(t, d);
        refused(t, d, id, JobState.Challenged);
    }

    function test_JobThatWasCalledOffIsRefused() public {
        Terms memory t = fresh();
        bytes32 id = open(t);
        vm.prank(buyer);
        market.cancel(t);
        refused(t, nothing(), id, JobState.Cancelled);
    }

    function refused(Terms memory t, Delivery memory d, bytes32 id, JobState state) private {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.WrongState.selector, id, uint8(state)));
        registry.rate(t, d);
    }

    function test_OtherDeliveryThanTheJobsIsRefused() public {
        (Terms memory t, Delivery memory d) = finished(30 minutes);
        d.at = t.due;
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotDelivered.selector, market.hashTerms(t)));
        registry.rate(t, d);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NotDelivered.selector, market.hashTerms(t)));
        registry.rate(t, nothing());
    }

    function test_TermsOfNoJobAreRefused() public {
        (Terms memory t, Delivery memory d) = finished(0);
        t.provider = seller;
        refused(t, d, market.hashTerms(t), JobState.None);
    }

    function assertSelfRated(Terms memory t) private {
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.SelfRated.selector, provider, buyer));
        registry.rate(t, nothing());
    }

    function operate(address owner, address operator, uint256 operatorKey) private {
        Node memory node = plain();
        (node.operator, node.operatorExpiry) = (operator, inAnHour());
        node.operatorSignature = sign(operatorKey, registry.hashOperates(owner, operator, KEY, inAnHour()));
        register(owner, node);
    }

    function test_BuyerWhoOperatesTheProviderIsRefused() public {
        Terms memory t = accepted();
        operate(provider, buyer, BUYER_KEY);
        assertSelfRated(t);
    }

    function test_ProviderWhoOperatesTheBuyerIsRefused() public {
        Terms memory t = accepted();
        operate(buyer, provider, PROVIDER_KEY);
        assertSelfRated(t);
    }

    function test_BothOfOneOperatorAreRefused() public {
        Terms memory t = accepted();
        operate(buyer, other, OTHER_KEY);
        operate(provider, other, OTHER_KEY);
        assertSelfRated(t);
    }

    function test_TwoNodesOfTwoOperatorsAreFine() public {
        Terms memory t = accepted();
        register(buyer, plain());
        operate(provider, other, OTHER_KEY);
        registry.rate(t, nothing());
    }

    // ---- readers

    function test_SummaryByClientAndTag() public {
        registry.rate(accepted(), nothing());
        (Terms memory t, Delivery memory d) = finished(30 minutes);
        registry.rate(t, d);
        registry.rate(expired(), nothing());

        assertSummary(all(), "", 3, 5000);
        assertSummary(only(buyer), "", 3, 5000);
        assertSummary(only(buyer), "settled", 1, 10_000);
        assertSummary(only(buyer), "late", 1, 5000);
        assertSummary(only(buyer), "expired", 1, 0);
        assertSummary(only(buyer), "slashed", 0, 0);
        assertSummary(only(buyer), "splendid", 0, 0);
        assertSummary(only(other), "", 0, 0);
        (uint64 count,,) = registry.getSummary(agent, all(), "another", "");
        vm.assertEq(count, 0);
        (count,,) = registry.getSummary(agent, all(), "", "");
        vm.assertEq(count, 3);
    }

    function test_ClientsAndTheirFeedbackAreRead() public {
        vm.assertEq(registry.getClients(agent).length, 0);
        for (uint64 i = 1; i <= 35; ++i) {
            registry.rate(i % 7 == 0 ? expired() : accepted(), nothing());
        }
        vm.assertEq(registry.getClients(agent).length, 1);
        vm.assertEq(registry.getClients(agent)[0], buyer);
        vm.assertEq(registry.getLastIndex(agent, buyer), 35);
        for (uint64 i = 1; i <= 35; ++i) {
            (int128 value, uint8 decimals, string memory tag1, string memory tag2, bool isRevoked) =
                registry.readFeedback(agent, buyer, i);
            vm.assertEq(uint256(int256(value)), i % 7 == 0 ? 0 : 100);
            vm.assertEq(decimals, 0);
            vm.assertEq(keccak256(bytes(tag1)), keccak256("fogchain"));
            vm.assertEq(keccak256(bytes(tag2)), i % 7 == 0 ? keccak256("expired") : keccak256("settled"));
            vm.assertFalse(isRevoked);
        }
    }

    function testFuzz_FeedbackThatIsNotThereIsRefused(uint64 index) public {
        registry.rate(accepted(), nothing());
        vm.assume(index != 1);
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.NoSuchFeedback.selector, index));
        registry.readFeedback(agent, buyer, index);
    }

    /// @dev A number above 160 bits must not be read as the address in its low bits.
    function testFuzz_NumberThatIsNoAddressHasNothing(uint96 high) public {
        registry.rate(accepted(), nothing());
        uint256 id = agent | uint256(high == 0 ? 1 : high) << 160;
        vm.assertEq(registry.getLastIndex(id, buyer), 0);
        vm.assertEq(registry.getClients(id).length, 0);
        (uint64 count,,) = registry.getSummary(id, all(), "", "");
        vm.assertEq(count, 0);
        vm.assertEq(registry.getIdentityRegistry(), address(registry));
    }
}
