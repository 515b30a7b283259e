// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Parameters, Terms, Work} from "../../../../contracts/interfaces/IFogMarket.sol";
import {ErrorsLib} from "../../../../contracts/libraries/ErrorsLib.sol";
import {EventsLib} from "../../../../contracts/libraries/EventsLib.sol";
import {vm} from "../Vm.sol";
import {VolumeRecorder} from "../mocks/VolumeRecorder.sol";
import {MarketTest} from "./MarketTest.sol";

contract CollectFeesTest is MarketTest {
    VolumeRecorder private recorder;

    function setUp() public override {
        super.setUp();
        recorder = new VolumeRecorder(false);
        name(address(recorder));
    }

    function testFuzz_HalfPaysAuditsAndHalfIsStreamed(uint96 first, uint96 second, address caller) public {
        (first, second) = (1e12 + first % 40e18, 1e12 + second % 40e18);
        pay(provider, 1, first);
        pay(other, 2, second);
        uint96 sum = fee(first) + fee(second);
        uint96 toAudits = sum / 2;
        vm.expectEmit(address(market));
        emit EventsLib.FeesCollected(provider, fee(first), uint64(first / 1e9));
        vm.expectEmit(address(market));
        emit EventsLib.FeesCollected(other, fee(second), uint64(second / 1e9));
        vm.expectEmit(address(stake));
        emit EventsLib.RewardsFunded(address(market), sum - toAudits);
        vm.prank(caller);
        market.collectFees(both());

        vm.assertEq(token.balanceOf(address(court)), toAudits);
        vm.assertEq(token.balanceOf(address(stake)), 50_000e18 + sum - toAudits);
        vm.assertEq(token.balanceOf(address(market)), 100e18 - sum);
        vm.assertEq(market.free(provider), net(first));
        (uint96 fees, uint64 volume) = market.withheld(provider);
        vm.assertEq(fees + volume, 0);
        vm.assertEq(recorder.volumeOf(provider), first / 1e9 * 1e9);
        vm.assertEq(recorder.volumeOf(other), second / 1e9 * 1e9);
    }

    function test_BondsEarnThem() public {
        pay(provider, 1, 50e18);
        market.collectFees(both());
        vm.warp(block.timestamp + 7 days);
        vm.assertGe(stake.rewardsOf(provider), 0.2499e18, "all but dust is the only bond's");
        vm.assertLe(stake.rewardsOf(provider), 0.25e18, "more than was streamed");
    }

    function test_NothingIsCollectedTwice() public {
        pay(provider, 1, 50e18);
        address[] memory twice = new address[](2);
        (twice[0], twice[1]) = (provider, provider);
        market.collectFees(twice);
        market.collectFees(twice);
        vm.assertEq(token.balanceOf(address(court)), 0.25e18);
        vm.assertEq(recorder.volumeOf(provider), 50e18);
    }

    function test_NobodysFeesAreNothing() public {
        market.collectFees(both());
        market.collectFees(new address[](0));
        vm.assertEq(token.balanceOf(address(market)), 100e18);
    }

    /// @dev The smallest fee there is: all of it is streamed.
    function test_OneUnit() public {
        pay(provider, 1, 100);
        market.collectFees(both());
        vm.assertEq(token.balanceOf(address(stake)), 50_000e18 + 1);
    }

    function test_WithoutAFeeTheVolumeIsReportedAllTheSame() public {
        Parameters memory p = parameters(address(court));
        p.feeBps = 0;
        vm.prank(timelock);
        market.setParameters(p);
        pay(provider, 1, 50e18);
        vm.assertEq(market.free(provider), 50e18);
        market.collectFees(both());
        vm.assertEq(recorder.volumeOf(provider), 50e18);
    }

    function test_AuditsOfTheCourtOfTheDay() public {
        pay(provider, 1, 50e18);
        appointJudge();
        market.collectFees(both());
        vm.assertEq(token.balanceOf(judge), 0.25e18);
    }

    function test_ControllerThatFailsHoldsNothingBack() public {
        pay(provider, 1, 50e18);
        name(address(new VolumeRecorder(true)));
        market.collectFees(both());
        vm.assertEq(token.balanceOf(address(court)), 0.25e18);
    }

    function test_ControllerThatIsNoneHoldsNothingBack() public {
        pay(provider, 1, 50e18);
        name(address(0));
        market.collectFees(both());
        vm.assertEq(token.balanceOf(address(court)), 0.25e18);
        pay(provider, 2, 50e18);
        name(other);
        market.collectFees(both());
        vm.assertEq(token.balanceOf(address(court)), 0.5e18);
    }

    function test_AccountWithTooMuchVolumeWaitsForCollection() public {
        (Terms memory there, uint96 all) = fill(provider);
        there.work = "one more";
        vm.prank(treasury);
        market.open(there, "");
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.FeesUncollected.selector, provider));
        vm.prank(treasury);
        market.settleSigned(there, all, "");

        market.collectFees(both());
        vm.prank(treasury);
        market.settleSigned(there, all, "");
        vm.assertEq(market.free(provider), all);
    }

    function test_ReplicaWithTooMuchVolumeWaitsForCollection() public {
        address replica = vm.addr(77);
        (Terms memory there,) = fill(replica);
        Work memory work = Work({spec: "one more", quorum: 1, replicas: new address[](1), salt: 0});
        work.replicas[0] = replica;
        there.work = market.hashWork(work);
        vm.prank(treasury);
        bytes32 id = market.open(there, "");
        bytes[] memory words = new bytes[](1);
        words[0] = sign(77, market.hashReplica(id, "result", 1e9));
        vm.expectRevert(abi.encodeWithSelector(ErrorsLib.FeesUncollected.selector, replica));
        market.settleQuorum(there, work, "result", 1e9, words);

        address[] memory one = new address[](1);
        one[0] = replica;
        market.collectFees(one);
        market.settleQuorum(there, work, "result", 1e9, words);
        vm.assertEq(market.free(replica), there.price);
    }

    /// @dev All FOG goes back and forth between the treasury and `payee` until the counter of `payee` is full.
    function fill(address payee) private returns (Terms memory there, uint96 all) {
        Parameters memory p = parameters(address(court));
        p.feeBps = 0;
        vm.prank(timelock);
        market.setParameters(p);
        all = uint96(token.balanceOf(treasury));
        vm.startPrank(treasury);
        token.approve(address(market), all);
        market.deposit(all);
        vm.stopPrank();
        there = plain();
        (there.buyer, there.provider, there.price) = (treasury, payee, all);
        Terms memory back = plain();
        (back.buyer, back.provider, back.price) = (payee, treasury, all);
        for (uint256 i; i < 18; ++i) {
            there.work = back.work = bytes32(i);
            settle(there);
            settle(back);
        }
    }

    function settle(Terms memory t) private {
        vm.startPrank(t.buyer);
        market.open(t, "");
        market.settleSigned(t, t.price, "");
        vm.stopPrank();
    }

    function pay(address payee, uint32 number, uint96 amount) private {
        address[] memory payees = new address[](1);
        payees[0] = payee;
        vm.prank(buyer);
        market.settleBatch(payees, abi.encodePacked(uint16(0), number, uint80(amount)));
    }

    function name(address controller) private {
        vm.prank(timelock);
        market.setPricing(controller);
    }

    function both() private view returns (address[] memory providers) {
        providers = new address[](2);
        (providers[0], providers[1]) = (provider, other);
    }
}
